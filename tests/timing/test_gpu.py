"""The least memory of a GPU, found by trial: with a stand-in for the GPU, since nothing is measured without one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from skimage import data

from ctc import pixels, plugins
from ctc.bench import Bench, Source
from ctc.complexity.device_memory import RESOLUTION_BYTES, minimum_needed, most_tries
from ctc.errors import PictureError
from ctc.picturefiles import write_png
from ctc.records import Coded, DeviceMemory, Job, Picture, TimingSample
from ctc.records.timing import DECODER
from ctc.store import Store
from ctc.timing.desk import Desk
from ctc.timing.gpu import device_memory
from tests.anchors import stand_ins

MIB = 1 << 20
NEEDED, WHOLE = 150 * MIB, 256 * MIB
TORCH = f"""
allowed = 1.0

class cuda:
    is_available = staticmethod(lambda: {{available}})
    get_device_properties = staticmethod(lambda device: type("Properties", (), {{{{"total_memory": {WHOLE}}}}}))

    @staticmethod
    def set_per_process_memory_fraction(fraction, device):
        global allowed
        allowed = fraction
"""
OUT_OF_MEMORY = f"""import torch, sys
if torch.allowed * {WHOLE} < {NEEDED}:
    sys.exit("torch.OutOfMemoryError: CUDA out of memory")
"""


@pytest.fixture
def software(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The reference software with a decoder that needs 150 of 256 MiB; it finds the stand-in for PyTorch in its folder."""
    for variable in ("CTC_JPEGAI_VM_ENCODER", "CUDA_VISIBLE_DEVICES"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("CTC_JPEGAI_VM", str(tmp_path / "vm"))
    monkeypatch.setenv("CTC_JPEGAI_VM_PYTHON", str(stand_ins.python_that_sees(tmp_path / "python", "a GPU, CUDA 12.8")))
    folder = stand_ins.jpeg_ai_software(tmp_path / "vm")
    (folder / "torch.py").write_text(TORCH.format(available=True))
    decoder = folder / "src" / "reco" / "coders" / "decoder.py"
    decoder.write_text(OUT_OF_MEMORY + decoder.read_text())
    monkeypatch.chdir(folder)
    return folder


def point(folder: Path, store: Store) -> Coded:
    """Coded by `jpegai-vm+gpu`."""
    rgb = np.ascontiguousarray(data.coffee()[180:212, 200:240])
    write_png(folder / "picture.png", rgb)
    picture = Picture("made", "picture", str(folder / "picture.png"), 40, 32, 8, "RGB", pixels.sample_hash(rgb))
    name = "jpegai-vm+gpu"
    version = plugins.codecs()[name].version()
    with Bench(Source(picture), name, version, store, may_run=True) as bench:
        encoded, decoded = bench.encoded(100.0), bench.decoded(100.0)
    job = Job(picture, name, version, 1.0)
    return Coded(job, 100.0, encoded["bytes"], 1.0, 0.0, 1, encoded["sha256"], decoded["sha256"], None, None, (), ())


def test_the_least_that_does_is_found_by_bisection() -> None:
    for needed in (1, 20 * MIB, 1000 * MIB, 8191 * MIB):
        tried: list[int] = []

        def does(allowed: int, needed: int = needed, tried: list[int] = tried) -> bool:
            tried.append(allowed)
            return allowed >= needed

        found = minimum_needed(does, 8192 * MIB)
        assert found is not None
        assert needed <= found <= needed + max(RESOLUTION_BYTES, 0.01 * found)
        assert found in tried
        assert len(tried) <= most_tries(8192 * MIB) == 10
    assert minimum_needed(lambda allowed: False, 8192 * MIB) is None  # noqa: ARG005


def test_a_program_gets_a_part_of_the_memory(software: Path, tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    (found,) = device_memory([point(tmp_path, store)], Desk(tmp_path, store, 1), lambda: None)
    assert (found.codec, found.side, found.picture, found.reason) == ("jpegai-vm+gpu", DECODER, "picture", "")
    assert found.needed_bytes is not None
    assert NEEDED <= found.needed_bytes <= NEEDED + RESOLUTION_BYTES
    assert software.is_dir()


def test_a_picture_that_cannot_be_read_back_is_not_enough_memory(software: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path / "store")
    desk, coded = Desk(tmp_path, store, 1), point(tmp_path, store)

    def unreadable(*_: object) -> TimingSample:
        raise PictureError("the decoded picture is cut short")

    monkeypatch.setattr(desk, "sample", unreadable)
    (found,) = device_memory([coded], desk, lambda: None)
    assert (found.needed_bytes, found.reason) == (None, "not measured: it fails, or gives another output, with all of it")
    assert software.is_dir()


def test_without_a_gpu_it_is_not_measured(software: Path, tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    coded = point(tmp_path, store)
    (software / "torch.py").write_text(TORCH.format(available=False))
    assert device_memory([coded], Desk(tmp_path, store, 1), lambda: None) == [
        DeviceMemory("jpegai-vm+gpu", DECODER, "picture", None, "not measured: no CUDA device")
    ]


def test_codecs_without_a_gpu_are_not_asked(software: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    codec = plugins.codecs()["jpegai-vm"]
    assert codec.gpu_sides() == ()  # type: ignore[attr-defined]
    monkeypatch.setenv("CTC_JPEGAI_VM_ENCODER", "gpu")
    assert codec.gpu_sides() == ("encoder",)  # type: ignore[attr-defined]
    capped = codec.capped(0.25)  # type: ignore[attr-defined]
    command = capped.encode_command(Path("source.ppm"), Path("bits"), 100.0)
    assert command[command.index("src.reco.coders.encoder") - 1] == "0.250000"
    assert "-m" in capped.decode_command(Path("bits"), Path("decoded"))
    assert software.is_dir()

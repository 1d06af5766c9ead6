"""`jpegai-bop+gpu`: encoded on the processor, decoded on a GPU; where there is none, by a stand-in for the GPU's engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from jpegai_ref import plugin, processes
from jpegai_ref.devices import Device
from jpegai_ref.processes import GpuProcess, gpu_process, resident
from jpegai_ref.weights_place import VARIABLE

from ctc import pixels, plugins
from ctc.bench import Bench, Source
from ctc.errors import ToolFailed, ToolMissing, UsageError
from ctc.picturefiles import write_png
from ctc.protocols import Learned, OnGpu, Portable, SharesBitstreams, Staying, Threaded
from ctc.records import Picture
from ctc.store import Store
from tests.jpegai_ref.sample_pictures import rgb

MEMORY = 8 << 30
no_gpu = pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
with_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")


@pytest.fixture
def weights(weights_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv(VARIABLE, str(weights_path))
    resident(1).stop()
    yield weights_path
    resident(1).stop()
    gpu_process().stop()


@pytest.fixture
def stand_in(weights: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """PyTorch's own convolutions in place of a GPU: other floats than those of the processor."""
    found = Device("no-onednn", "no-onednn", 1, "a stand-in for a GPU", memory_bytes=MEMORY)
    for module in (plugin, processes):
        monkeypatch.setattr(module, "GPU_ENGINE", "no-onednn")
    monkeypatch.setattr(processes, "devices", lambda: (found,))
    gpu_process().stop()
    return weights


def coded(name: str, folder: Path) -> tuple[dict[str, str], dict[str, str]]:
    """(bitstream, samples) of a picture by a codec with a store of its own, as a run makes them."""
    picture = np.stack(rgb(40, 50).planes, axis=-1)
    write_png(folder / "picture.png", picture)
    record = Picture("made", "picture", str(folder / "picture.png"), 50, 40, 8, "RGB", pixels.sample_hash(picture))
    with Bench(Source(record), name, plugins.codecs()[name].version(), Store(folder / "store"), may_run=True) as bench:
        return bench.encoded(1500.0), bench.decoded(1500.0)


@pytest.mark.usefixtures("stand_in")
@pytest.mark.slow
def test_it_decodes_what_the_same_encoder_has_made(tmp_path: Path) -> None:
    on_gpu, plain = plugins.codecs()["jpegai-sop+gpu"], plugins.codecs()["jpegai-sop"]
    assert isinstance(on_gpu, SharesBitstreams)
    assert isinstance(plain, SharesBitstreams)
    assert on_gpu.encoder() == plain.encoder()
    assert on_gpu.version() == f"{plain.version()}, decoded by a stand-in for a GPU"
    (bitstream, _), (same, samples) = coded("jpegai-sop", tmp_path), coded("jpegai-sop+gpu", tmp_path)
    assert bitstream["sha256"] == same["sha256"]
    decoded = tmp_path / "decoded"
    stream = tmp_path / "stream"
    source = pixels.write_source(np.stack(rgb(40, 50).planes, axis=-1), plain.pixels, tmp_path)
    assert plain.encode(source, stream, 1500).device == "cpu"
    assert on_gpu.decode(stream, decoded).device == "no-onednn"
    assert pixels.sample_hash(pixels.read_decoded(decoded, on_gpu.pixels, 50, 40, 8)) == samples["sha256"]


@pytest.mark.usefixtures("stand_in")
def test_the_command_line_says_where() -> None:
    codec = plugins.codecs()["jpegai-hop+gpu"]
    assert codec.decode_command(Path("a"), Path("b"))[-6:] == ("--op", "hop", "--threads", "1", "--device", "no-onednn")
    assert "--device" not in codec.encode_command(Path("a"), Path("b"), 1500)
    assert isinstance(codec, Threaded)
    assert codec.threaded(2).decode_command(Path("a"), Path("b"))[-4:] == ("--threads", "2", "--device", "no-onednn")


@pytest.mark.usefixtures("stand_in")
def test_tables_and_the_timing_campaign_know_of_the_gpu() -> None:
    codec, plain = plugins.codecs()["jpegai-bop+gpu"], plugins.codecs()["jpegai-bop"]
    for each in (codec, plain):
        assert isinstance(each, OnGpu)
        assert isinstance(each, Learned)
        assert isinstance(each, Staying)
    assert (codec.gpu_sides(), plain.gpu_sides()) == (("decoder",), ())
    assert (codec.decoder_model().device, plain.decoder_model().device) == ("GPU", "")
    assert codec.gpu_bytes() == MEMORY
    assert codec.loads != plain.loads
    for each, decodes_on in ((codec, "no-onednn"), (plain, "cpu")):
        assert isinstance(each, Portable)
        assert each.own_devices() == ("cpu", decodes_on)


@pytest.mark.usefixtures("stand_in")
def test_loading_begins_another_process() -> None:
    codec = plugins.codecs()["jpegai-bop+gpu"]
    assert isinstance(codec, Staying)
    for _ in range(2):
        cost = codec.load()
        assert cost.start_s
        assert cost.start_s > 0
        assert cost.device == "no-onednn"


def test_there_is_one_process_on_the_gpu_at_a_time() -> None:
    gpu = GpuProcess()
    whole = gpu.of(1, 1.0)
    assert gpu.of(1, 1.0) is whole
    half = gpu.of(1, 0.5)
    assert half is not whole
    assert gpu.of(1, 0.5) is half
    assert gpu.of(2, 0.5) is not half


def test_what_is_no_variant_is_refused() -> None:
    codecs = plugins.codecs()
    with pytest.raises(UsageError, match=r"there is no tool 'gpus'.*behind them gpu, to decode on a GPU"):
        codecs["jpegai-bop+gpus"]
    with pytest.raises(UsageError, match=r"there is no tool 'gpu'"):
        codecs["jpegai-bop+gpu+rvs"]
    assert codecs["jpegai-bop+rvs+gpu"].name == "jpegai-bop+rvs+gpu"


@no_gpu
@pytest.mark.usefixtures("weights")
@pytest.mark.slow
def test_without_a_gpu_it_is_missing(tmp_path: Path) -> None:
    codec = plugins.codecs()["jpegai-bop+gpu"]
    with pytest.raises(ToolMissing, match=r"^jpegai-bop\+gpu cannot decode: no CUDA device$"):
        codec.version()
    assert isinstance(codec, OnGpu)
    with pytest.raises(ToolMissing, match="no CUDA device"):
        codec.gpu_bytes()
    (tmp_path / "stream").write_bytes(b"")
    for asked in (codec, codec.capped(0.5)):
        with pytest.raises(ToolFailed, match="there is no GPU that PyTorch can use"):
            asked.decode(tmp_path / "stream", tmp_path / "decoded")


@with_gpu
@pytest.mark.usefixtures("weights")
def test_a_gpu_decodes_nearly_the_same_samples(tmp_path: Path) -> None:
    on_gpu, plain = plugins.codecs()["jpegai-bop+gpu"], plugins.codecs()["jpegai-bop"]
    source = pixels.write_source(np.stack(rgb(200, 300).planes, axis=-1), plain.pixels, tmp_path)
    plain.encode(source, tmp_path / "stream", 1500)
    samples = []
    for codec in (plain, on_gpu):
        codec.decode(tmp_path / "stream", tmp_path / "decoded")
        samples.append(pixels.read_decoded(tmp_path / "decoded", codec.pixels, 300, 200, 8).astype(int))
    assert np.abs(samples[0] - samples[1]).max() <= 1


@with_gpu
@pytest.mark.usefixtures("weights")
def test_a_gpu_with_too_little_memory_is_told(tmp_path: Path) -> None:
    codec = plugins.codecs()["jpegai-bop+gpu"]
    assert isinstance(codec, OnGpu)
    source = pixels.write_source(np.stack(rgb(200, 300).planes, axis=-1), codec.pixels, tmp_path)
    codec.encode(source, tmp_path / "stream", 1500)
    with pytest.raises(ToolFailed, match="the memory of the GPU is not enough"):
        codec.capped((1 << 20) / codec.gpu_bytes()).decode(tmp_path / "stream", tmp_path / "decoded")

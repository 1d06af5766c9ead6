"""The codec in the harness: found without PyTorch, run by a process that stays, measured task by task."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from jpegai_ref.coder import Coder
from jpegai_ref.decoder import decode
from jpegai_ref.encoder import encode
from jpegai_ref.model import OPERATING_POINTS, OperatingPoint
from jpegai_ref.processes import resident
from jpegai_ref.quality import setting_of
from jpegai_ref.tools import Tools
from jpegai_ref.weights import read
from jpegai_ref.weights_place import VARIABLE
from PIL import Image

from ctc import datasets, pixels, plugins
from ctc.bench import Bench, Source
from ctc.errors import ToolFailed, ToolMissing
from ctc.protocols import Codec
from ctc.store import Store
from tests.jpegai_ref.sample_pictures import rgb

NAMES = tuple(f"jpegai-{point}" for point in OPERATING_POINTS)


@pytest.fixture(scope="module")
def codecs(weights_path: Path) -> Iterator[dict[str, Codec]]:
    """With the fixture's weights, and no process left behind."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, str(weights_path))
        # One that other tests have used has other weights.
        resident(1).stop()
        yield {name: plugins.codecs()[name] for name in NAMES}
    resident(1).stop()


def interleaved(height: int, width: int) -> pixels.Rgb:
    return np.stack(rgb(height, width).planes, axis=-1)


def test_listing_the_codecs_does_not_import_torch() -> None:
    code = "import sys; from ctc import plugins; assert 'jpegai-bop' in plugins.codecs().found; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("operating_point", OPERATING_POINTS)
def test_round_trip(codecs: dict[str, Codec], coder: Coder, tmp_path: Path, operating_point: OperatingPoint) -> None:
    picture, codec = interleaved(66, 70), codecs[f"jpegai-{operating_point}"]
    source = pixels.write_source(picture, codec.pixels, tmp_path)
    for cost in (codec.encode(source, tmp_path / "bitstream", 1500), codec.decode(tmp_path / "bitstream", tmp_path / "decoded")):
        assert 0 < cost.wall_s < 30
        assert cost.cpu_s > 0
        assert 50 << 20 < cost.peak_bytes < 4 << 30
        assert (cost.device, cost.threads) == ("cpu", 1)
    expected = encode(coder, rgb(66, 70), setting_of(1500)).data
    assert (tmp_path / "bitstream").read_bytes() == expected
    decoded = pixels.read_decoded(tmp_path / "decoded", codec.pixels, 70, 66, 8)
    own = decode(coder, expected, operating_point)
    assert np.array_equal(decoded, np.stack(own.planes, -1))


def test_pictures_of_more_than_8_bits_are_coded_with_10(codecs: dict[str, Codec], tmp_path: Path) -> None:
    plain = codecs["jpegai-bop"]
    deep = plugins.codec_for_depth(plain, 16)
    decoded: dict[Codec, np.ndarray] = {}
    assert (plain.pixels.bit_depth, deep.pixels.bit_depth, deep.name) == (8, 10, plain.name)
    assert plugins.codec_for_depth(deep, 10) is deep
    picture = interleaved(66, 70)
    for codec in (plain, deep):
        source = pixels.write_source(picture if codec is plain else picture.astype(np.uint16) * 257, codec.pixels, tmp_path)
        codec.encode(source, tmp_path / "bitstream", 1500)
        codec.decode(tmp_path / "bitstream", tmp_path / "decoded")
        decoded[codec] = pixels.read_decoded(tmp_path / "decoded", codec.pixels, 70, 66, 16) / 257
    # Samples that differ by the rounding to 10 bits, and reconstructions by little more.
    assert np.abs(decoded[plain] - decoded[deep]).mean() < 1
    fine = np.rint(decoded[deep] / 255 * 1023).astype(int)
    assert len(np.unique(fine % 4)) == 4


def test_peak_memory_is_that_of_the_task(codecs: dict[str, Codec], tmp_path: Path) -> None:
    codec, peaks = codecs["jpegai-bop"], []
    for side in (64, 900, 64):
        tile = interleaved(min(side, 300), min(side, 300))
        picture = np.tile(tile, (-(-side // 300), -(-side // 300), 1))[:side, :side]
        source = pixels.write_source(np.ascontiguousarray(picture), codec.pixels, tmp_path)
        peaks.append(codec.encode(source, tmp_path / "bitstream", 1000).peak_bytes)
    assert peaks[1] > peaks[0] + (100 << 20)
    assert peaks[2] < peaks[1] - (50 << 20)


def test_failures_are_told_and_outlived(codecs: dict[str, Codec], tmp_path: Path) -> None:
    codec = codecs["jpegai-sop"]
    (tmp_path / "bitstream").write_bytes(b"rubbish" * 9)
    with pytest.raises(ToolFailed, match=r"jpegai_ref: 0x7275 is no marker") as caught:
        codec.decode(tmp_path / "bitstream", tmp_path / "decoded")
    assert caught.value.command[-5:] == (str(tmp_path / "decoded"), "--op", "sop", "--threads", "1")
    assert caught.value.log_tail
    source = pixels.write_source(interleaved(3, 3), codec.pixels, tmp_path)
    assert codec.encode(source, tmp_path / "bitstream", 1000).wall_s > 0


@pytest.mark.slow
def test_the_command_line_does_the_same(codecs: dict[str, Codec], tmp_path: Path) -> None:
    codec = codecs["jpegai-bop"]
    source = pixels.write_source(interleaved(40, 50), codec.pixels, tmp_path)
    codec.encode(source, tmp_path / "one", 1234.0)
    subprocess.run(codec.encode_command(source, tmp_path / "other", 1234.0), check=True, capture_output=True, env=_environment())
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()
    codec.decode(tmp_path / "one", tmp_path / "one.ppm")
    subprocess.run(codec.decode_command(tmp_path / "one", tmp_path / "other.ppm"), check=True, env=_environment())
    assert (tmp_path / "one.ppm").read_bytes() == (tmp_path / "other.ppm").read_bytes()


@pytest.mark.slow
def test_a_variant_codes_with_its_tools(
    tool_weights_path: Path, tool_coder: Coder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, str(tool_weights_path))
    resident(1).stop()
    codec = plugins.codecs()["jpegai-sop+rvs+lef"]
    assert ", tools rvs+lef, torch " in codec.version()
    assert codec.version().endswith(", SOP")
    assert codec.version() != plugins.codecs()["jpegai-sop"].version()
    source = pixels.write_source(interleaved(40, 50), codec.pixels, tmp_path)
    codec.encode(source, tmp_path / "one", 1234)
    assert (tmp_path / "one").read_bytes() == encode(tool_coder, rgb(40, 50), setting_of(1234), Tools(rvs=True, lef=True)).data
    subprocess.run(codec.encode_command(source, tmp_path / "other", 1234), check=True, capture_output=True, env=_environment())
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()
    codec.decode(tmp_path / "one", tmp_path / "decoded")
    decoded = pixels.read_decoded(tmp_path / "decoded", codec.pixels, 50, 40, 8)
    assert np.array_equal(decoded, np.stack(decode(tool_coder, (tmp_path / "one").read_bytes(), "sop").planes, -1))
    resident(1).stop()


def test_without_constants_a_variant_is_missing(weights_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(weights_path))
    with pytest.raises(ToolMissing, match=r"jpegai-bop\+rvs\+lsbs cannot code: these weights have no constants for rvs, lsbs"):
        plugins.codecs()["jpegai-bop+rvs+lsbs"].version()


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


def test_the_version_names_weights_and_code(codecs: dict[str, Codec], weights_path: Path) -> None:
    versions = {codec.version() for codec in codecs.values()}
    assert len(versions) == 3
    assert all(f"weights {read(weights_path).id[:8]}" in version for version in versions)


def test_without_weights_the_codec_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    with pytest.raises(ToolMissing, match=r"there are no weights in .*TRAINING\.md"):
        plugins.codecs()["jpegai-bop"].version()
    (tmp_path / "x.safetensors").write_bytes(b"rubbish")
    with pytest.raises(ToolMissing, match="weights cannot be read"):
        plugins.codecs()["jpegai-bop"].version()


def test_the_knob_rises() -> None:
    for name in NAMES:
        knob = plugins.codecs()[name].knob
        rates, settings = zip(*knob.start, strict=True)
        assert list(rates) == sorted(rates)
        assert list(settings) == sorted(settings)
        assert knob.rate_rises


def test_what_one_operating_point_has_encoded_serves_all(codecs: dict[str, Codec], tmp_path: Path) -> None:
    """The store has one bitstream of a setting, and a decoding of it for each codec."""
    (tmp_path / "set").mkdir()
    Image.fromarray(interleaved(80, 96)).save(tmp_path / "set" / "coffee.png")
    store = Store(tmp_path / "store")
    (picture,) = datasets.load(str(tmp_path / "set"), store).pictures
    counts = []
    for name, codec in codecs.items():
        with Bench(Source(picture), name, codec.version(), store, may_run=True) as bench:
            bench.decoded(1000)
            counts.append((bench.counts.encodes_run, bench.counts.encodes_reused, bench.counts.decodes_run))
    assert counts == [(1, 0, 1), (0, 1, 1), (0, 1, 1)]

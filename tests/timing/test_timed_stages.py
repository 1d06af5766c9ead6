"""What codecs tell of their stages, their threads and their memory."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from skimage import data

from ctc import pixels, plugins
from ctc.protocols import Codec, Staying, Threaded
from ctc.records import Cost

MIB = 1 << 20
SETTINGS = {"jpeg": 40.0, "jpeg2000": 0.5, "hevc-x265": 35.0}


def coded(codec: Codec, folder: Path, setting: float) -> tuple[Cost, Cost]:
    """The costs of a small picture."""
    rgb = np.ascontiguousarray(data.coffee()[180:212, 200:240])
    source = pixels.write_source(rgb, codec.pixels, folder)
    return codec.encode(source, folder / "bits", setting), codec.decode(folder / "bits", folder / "decoded")


@pytest.mark.parametrize("name", ["jpeg", "jpeg2000"])
def test_a_library_call_is_timed_apart_from_start_and_files(name: str, tmp_path: Path) -> None:
    for cost in coded(plugins.codecs()[name], tmp_path, SETTINGS[name]):
        parts = (cost.start_s, cost.read_s, cost.write_s)
        assert all(part is not None and part >= 0 for part in parts)
        assert cost.start_s is not None
        assert cost.start_s > 0


def test_deep_jpeg_2000_too(tmp_path: Path) -> None:
    codec = plugins.codec_for_depth(plugins.codecs()["jpeg2000"], 16)
    for cost in coded(codec, tmp_path, 40.0):
        assert None not in (cost.start_s, cost.read_s, cost.write_s)


def test_a_program_is_timed_as_a_whole(tmp_path: Path) -> None:
    for cost in coded(plugins.codecs()["hevc-x265"], tmp_path, SETTINGS["hevc-x265"]):
        assert (cost.start_s, cost.read_s, cost.write_s) == (None, None, None)


def test_peak_memory_is_the_childs_while_this_process_holds_1_gib(tmp_path: Path) -> None:
    codec = plugins.codecs()["jpeg"]
    alone = coded(codec, tmp_path, 40.0)
    ballast = bytearray(1024 * MIB)
    ballast[:: os.sysconf("SC_PAGESIZE")] = b"\x01" * len(range(0, len(ballast), os.sysconf("SC_PAGESIZE")))
    beside = coded(codec, tmp_path, 40.0)
    for one, other in zip(alone, beside, strict=True):
        assert one.peak_bytes < 60 * MIB
        assert other.peak_bytes == pytest.approx(one.peak_bytes, abs=4 * MIB)


@pytest.mark.parametrize("name", ["hevc-x265", "vvc-vvenc", "jpegai-bop"])
def test_threads_reach_the_command_line_of_the_decoder(name: str) -> None:
    codec = plugins.codecs()[name]
    assert isinstance(codec, Threaded)
    command = codec.threaded(3).decode_command(Path("bits"), Path("decoded"))
    assert command[command.index("-threads" if "-threads" in command else "--threads") + 1] == "3"
    assert codec.threaded(1).decode_command(Path("bits"), Path("decoded")) == codec.decode_command(Path("bits"), Path("decoded"))


@pytest.mark.parametrize("name", ["hevc-x265", "vvc-vvenc"])
def test_the_bits_of_anchors_stay_those_of_one_thread(name: str) -> None:
    codec, source = plugins.codecs()[name], Path(f"source_32x32_10bit_{'444' if name == 'hevc-x265' else '420'}.yuv")
    assert isinstance(codec, Threaded)
    assert codec.threaded(4).encode_command(source, Path("b"), 30) == codec.encode_command(source, Path("b"), 30)


def test_decoder_threads_are_in_the_cost(tmp_path: Path) -> None:
    codec = plugins.codecs()["hevc-x265"]
    assert isinstance(codec, Threaded)
    encode, decode = coded(codec.threaded(2), tmp_path, 35.0)
    assert (encode.threads, decode.threads) == (1, 2)


def test_which_codecs_stay() -> None:
    staying = {name for name, codec in plugins.codecs().found.items() if isinstance(codec, Staying)}
    assert staying == {"jpegai-sop", "jpegai-bop", "jpegai-hop"}

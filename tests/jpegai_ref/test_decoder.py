"""What the decoder refuses, before it computes anything, and what damaged streams do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from jpegai_ref.coder import Coder, DeviceMissing, load
from jpegai_ref.codestream import Codestream, read_codestream, write_codestream
from jpegai_ref.decoder import decode
from jpegai_ref.encoder import Setting, encode
from jpegai_ref.errors import BitstreamError
from jpegai_ref.picture import Picture
from jpegai_ref.picture_header import PictureHeader, Tiling
from jpegai_ref.tool_header import ToolHeader
from jpegai_ref.weights import WeightsError

from tests.jpegai_ref.damage import Source, check_altered_bits
from tests.jpegai_ref.sample_pictures import rgb


@pytest.fixture(scope="module")
def stream(coder: Coder) -> Codestream:
    return read_codestream(encode(coder, rgb(66, 70), Setting(1, 0)).data)


def with_tiles(header: PictureHeader, luma: Tiling | None, chroma: Tiling | None) -> PictureHeader:
    return replace(header, luma=replace(header.luma, tiling=luma), chroma=replace(header.chroma, tiling=chroma))


def without_flags(header: PictureHeader) -> PictureHeader:
    return replace(header, luma=replace(header.luma, may_skip=None), chroma=replace(header.chroma, may_skip=None))


CHANGES: dict[str, Callable[[Codestream], Codestream]] = {
    "made with the weights c0de0001, these are": lambda s: replace(s, weights_id=bytes.fromhex("c0de0001")),
    "LSBS.*no constants": lambda s: replace(s, tools=ToolHeader(chroma_scaling=True)),
    "LEF.*no constants": lambda s: replace(s, tools=ToolHeader(sharpening_channel=3)),
    "RVS.*no constants": lambda s: replace(s, header=replace(s.header, luma=replace(s.header.luma, rvs=True))),
    "CWG.*no constants": lambda s: replace(s, header=replace(s.header, chroma=replace(s.header.chroma, channel_scales=(True,) * 64))),
    "coded at another size": lambda s: replace(s, header=replace(s.header, coded_subsampling=(2, 2))),
    "other tiles for chroma": lambda s: replace(s, header=with_tiles(s.header, Tiling(256, 64), None)),
    "tiles of 16 ": lambda s: replace(s, header=with_tiles(s.header, Tiling(16, 0), Tiling(16, 0))),
    "overlap by 192": lambda s: replace(s, header=with_tiles(s.header, Tiling(256, 192), Tiling(256, 192))),
    "without tiles": lambda s: replace(s, header=replace(without_flags(s.header), width=4096, height=4096, level_idc=52)),
}


@pytest.mark.parametrize("reason", CHANGES)
def test_what_is_not_supported_is_named(coder: Coder, stream: Codestream, reason: str) -> None:
    with pytest.raises(BitstreamError, match=reason):
        decode(coder, write_codestream(CHANGES[reason](stream)))


def test_every_cut_is_refused(coder: Coder, stream: Codestream) -> None:
    data = write_codestream(stream)
    for size in range(0, len(data), 7):
        with pytest.raises(BitstreamError):
            decode(coder, data[:size])


def test_altered_bytes_give_a_picture_or_a_clear_error(coder: Coder, stream: Codestream) -> None:
    check_altered_bits(Source(write_codestream(stream), partial(decode, coder, operating_point="sop")), 150)


def test_a_file_that_is_no_weights(tmp_path: Path) -> None:
    (tmp_path / "x.safetensors").write_bytes(b"nothing")
    with pytest.raises(WeightsError, match="holds no weights"):
        load(tmp_path / "x.safetensors")


def test_a_gpu_that_is_not_there(weights_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(DeviceMissing, match="no GPU"):
        load(weights_path, "cuda")


PLANE = np.zeros((4, 6), np.uint8)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (((PLANE,) * 3, 9, "rgb"), "bits, not 9"),
        (((PLANE,) * 2, 8, "rgb"), "2 planes"),
        (((PLANE,) * 3, 8, "rgb", (2, 2)), "only Y'CbCr"),
        (((PLANE,) * 3, 8, "ycc", (2, 2)), "do not go together"),
        (((PLANE,) * 3, 10, "rgb"), "uint16"),
        (((np.full((4, 6), 1024, np.uint16),), 10, "grey"), "above the 1023"),
        (((np.zeros((0, 6), np.uint8),), 8, "grey"), "no picture"),
    ],
)
def test_arrays_that_are_no_picture(arguments: tuple[object, ...], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Picture(*arguments)  # type: ignore[arg-type]

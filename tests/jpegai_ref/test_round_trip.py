"""Encoder and decoder as mirror images: the same planes on both sides, whatever the picture, the rate and the threads."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from jpegai_ref.coder import Coder
from jpegai_ref.codestream import read_codestream, write_codestream
from jpegai_ref.decoder import decode
from jpegai_ref.encoder import Setting, encode
from jpegai_ref.knob import HIGHEST_QUALITY
from jpegai_ref.model import OPERATING_POINTS, OperatingPoint
from jpegai_ref.picture import Picture
from jpegai_ref.quality import setting_of

from tests.jpegai_ref.sample_pictures import digest, grey, rgb, ycc

BASE = Setting(1, 0)
pytestmark = pytest.mark.usefixtures("one_thread")


def both_sides(coder: Coder, picture: Picture, operating_point: OperatingPoint, setting: Setting = BASE) -> Picture:
    """The decoded picture, which is the one that the encoder expects."""
    encoded = encode(coder, picture, setting)
    decoded = decode(coder, encoded.data, operating_point)
    assert digest(decoded) == digest(encoded.reconstruction(coder, operating_point))
    assert [plane.shape for plane in decoded.planes] == [plane.shape for plane in picture.planes]
    assert (decoded.bit_depth, decoded.colour, decoded.subsampling) == (picture.bit_depth, picture.colour, picture.subsampling)
    return decoded


@pytest.mark.parametrize("operating_point", OPERATING_POINTS)
@pytest.mark.parametrize(("height", "width"), [(1, 1), (2, 3), (63, 64), (65, 67), (199, 121)])
def test_sizes(coder: Coder, height: int, width: int, operating_point: OperatingPoint) -> None:
    decoded = both_sides(coder, rgb(height, width), operating_point)
    assert height * width < 100 or np.ptp(decoded.planes[0]) > 0


@pytest.mark.parametrize(
    "picture",
    [
        rgb(70, 81, 10),
        rgb(70, 81, 16),
        grey(70, 81),
        grey(3, 5, 16),
        ycc(70, 81),
        ycc(71, 80, 10),
        ycc(65, 67, 10, (1, 2)),
        ycc(66, 69, 8, (1, 1)),
        ycc(1, 1, 10),
    ],
    ids=lambda picture: f"{picture.colour}-{picture.width}x{picture.height}-{picture.bit_depth}-{picture.subsampling}",
)
def test_kinds_of_pictures(coder: Coder, picture: Picture) -> None:
    both_sides(coder, picture, "sop")
    both_sides(coder, picture, "bop")


@pytest.mark.parametrize("setting", [setting_of(0), Setting(0, 0), Setting(2, -320), setting_of(HIGHEST_QUALITY)])
def test_all_rates(coder: Coder, setting: Setting) -> None:
    both_sides(coder, rgb(100, 90), "bop", setting)


def test_where_cubes_may_not_skip(coder: Coder) -> None:
    picture, setting = rgb(100, 600), Setting(1, 0)
    header = encode(coder, picture, setting).header
    flags = header.luma.may_skip
    assert flags is not None
    assert not all(flags)
    both_sides(coder, picture, "sop", setting)


def test_streams_and_planes_do_not_depend_on_threads(coder: Coder) -> None:
    picture = rgb(380, 560)
    results = set()
    for threads in (1, 2, 4):
        torch.set_num_threads(threads)
        encoded = encode(coder, picture, BASE)
        results.add((encoded.data, *(digest(decode(coder, encoded.data, point, workers=threads)) for point in OPERATING_POINTS)))
        assert torch.get_num_threads() == threads
    assert len(results) == 1


def test_a_stream_says_what_was_coded(coder: Coder) -> None:
    header = read_codestream(encode(coder, rgb(63, 70, 10), Setting(2, -7)).data).header
    assert (header.width, header.height, header.display_size) == (70, 64, (70, 63))
    assert (header.bit_depth, header.model_id, header.displacements) == (10, 2, (-7, -7))


def test_the_operating_point_that_the_stream_names_first_is_taken(coder: Coder) -> None:
    data = encode(coder, rgb(64, 64), BASE).data
    assert digest(decode(coder, data)) == digest(decode(coder, data, "bop")) != digest(decode(coder, data, "sop"))


def test_without_chroma_residual_a_stream_is_grey(coder: Coder) -> None:

    data = encode(coder, rgb(80, 80), BASE).data
    decoded = decode(coder, write_codestream(replace(read_codestream(data), chroma=None)))
    assert decoded.colour == "grey"
    assert len(decoded.planes) == 1

"""Where two devices part is said by the name of a tensor, a place and two values."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from ctc import plugins
from ctc.interop.differences import change, first_difference, sample_difference
from ctc.interop.mismatch import Decodings, mismatches
from ctc.records import Score, TensorDifference

ONE = np.arange(24).reshape(2, 3, 4)
OTHER = ONE.copy()
OTHER[1, 0, 2], OTHER[1, 2, 3] = 99, 98


def test_the_first_in_the_order_of_the_encoder() -> None:
    expected = {"z": ONE[0], "scale": ONE, "symbols": ONE}
    assert first_difference(expected, {"symbols": ONE, "scale": ONE, "z": ONE[0]}, whole=True) is None
    found = {"symbols": OTHER, "scale": OTHER, "z": ONE[0]}
    assert first_difference(expected, found, whole=True) == TensorDifference(
        "scale", "2 of 24 values differ, first at (1, 0, 2): 99, not 14"
    )


def test_what_is_not_there_counts_only_where_the_decoder_came_to_its_end() -> None:
    expected = {"z": ONE[0], "scale": ONE}
    assert first_difference(expected, {"z": ONE[0]}, whole=False) is None
    assert first_difference(expected, {"z": ONE[0]}, whole=True) == TensorDifference("scale", "is not there")
    difference = first_difference(expected, {"z": OTHER[1]}, whole=False)
    assert difference is not None
    assert difference.tensor == "z"
    assert first_difference({}, {"z": ONE}, whole=True) == TensorDifference("z", "is unknown to the encoder")


def test_other_shapes() -> None:
    assert first_difference({"z": ONE}, {"z": ONE[0]}, whole=True) == TensorDifference("z", "has the shape (3, 4), not (2, 3, 4)")


def test_samples_do_not_wrap_around() -> None:
    dark, light = np.zeros((4, 5, 3), np.uint8), np.zeros((4, 5, 3), np.uint8)
    light[0, 0] = 255
    assert sample_difference(dark, light) == sample_difference(light, dark) == (255, 3 / 60)
    assert sample_difference(dark, dark) == (0, 0.0)
    deep = np.full((2, 2, 3), 65535, np.uint16)
    assert sample_difference(deep, np.zeros_like(deep)) == (65535, 1.0)


def test_change_of_metrics() -> None:
    infinite, undefined = Score("psnr_y", math.inf), Score("psnr_y", None, "too small")
    assert change(Score("vif", 0.5), Score("vif", 0.25)) == -0.25
    assert change(infinite, infinite) == 0.0
    assert change(infinite, Score("psnr_y", 90.0)) is None
    assert change(undefined, undefined) is None


def test_a_metric_for_hdr_is_not_asked_about_sdr_pictures() -> None:
    info = replace(plugins.metrics()["pu21_psnr"].info, name="m")
    assert info.transfer == "pq"
    bpps = (0.25, 0.5, 1.0, 2.0)
    values = [({"m": Score("m", 30.0 + place)}, {"m": Score("m", 30.001 + place)}) for place in range(4)]
    hdr = Decodings("lamp", bpps, tuple(there for there, _ in values), tuple(here for _, here in values))
    undefined = ({"m": Score("m", None, "defined for PQ pictures only")},) * 4
    sdr = Decodings("flat", bpps, undefined, undefined)
    rows = list(mismatches("a", "b", [hdr, sdr], [info]))
    assert [row.picture for row in rows] == ["lamp", "ALL"]
    assert rows[0].value_percent is not None
    assert rows[1].value_percent == rows[0].value_percent
    alone = list(mismatches("a", "b", [sdr], [info]))
    assert [row.value_percent for row in alone] == [None, None]
    half = Decodings("lamp", bpps, hdr.expected, undefined)
    assert list(mismatches("a", "b", [half], [info]))[-1].value_percent is None

"""Matrices that are made up: two devices that agree, nearly agree, or do not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ctc.records import ALL, CodecDevice, Interop, InteropMismatch, InteropPoint, InteropStream, TensorDifference

DEVICES = (
    CodecDevice("cpu", "one thread"),
    CodecDevice("rounds <b>", "rounds otherwise", encodes=False),
    CodecDevice("cuda", "a GPU", missing="no CUDA device"),
)
RATES = (0.12, 0.25)


def matrix_of(codec: str, percent: float | None = 0.012, reason: str = "", metrics: Sequence[str] = ("vif", "psnr_y")) -> Interop:
    """The second device differs by 1 in 0.3 % of the samples, and by a BD-rate in each metric, in each ten times as much as in the one
    before."""
    points = [
        InteropPoint(
            "cpu", decoder, "p0", rate, None, largest, share, tuple((name, 10**place * change) for place, name in enumerate(metrics))
        )
        for decoder, largest, share, change in (("cpu", 0, 0.0, 0.0), ("rounds <b>", 1, 0.003, -0.0005))
        for rate in RATES
    ]
    mismatches = [
        InteropMismatch("cpu", decoder, metric, picture, value, reason if value is None else "")
        for decoder, value in (("cpu", 0.0), ("rounds <b>", percent))
        for metric in metrics
        for picture in ("p0", ALL)
    ]
    streams = tuple(InteropStream("cpu", "p0", rate, 30.0, rate, same_as_first=True) for rate in RATES)
    return Interop(codec, "1", "abc", True, DEVICES, tuple(metrics), streams, tuple(points), tuple(mismatches), ())


def broken_matrix(codec: str) -> Interop:
    """The second device has another scale, and decodes nothing."""
    sound = matrix_of(codec, None, "a bitstream was not decoded: too early")
    differs = TensorDifference("luma.scale", "3 of 9 values differ, first at (0, 1): 5, not 4")
    lost = {"integers": differs, "largest_difference": None, "differing_share": None, "changes": (), "error": "too early"}
    return replace(sound, points=tuple(point if point.decoder == "cpu" else replace(point, **lost) for point in sound.points))

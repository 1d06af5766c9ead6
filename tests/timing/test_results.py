"""What samples say of points and codecs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from ctc.records import Campaign, StageTime, Timing, TimingFailure, TimingSample
from ctc.records.timing import CODEC, DECODER, ENCODER, READ, SMALLEST, START, WRITE
from ctc.timing.results import busy_points, cell_times, decode_ratio, decode_s, encode_s, is_whole_process
from tests.campaigns import made

TARGETS = (0.25, 0.5)


def samples(codec: str, side: str, times: list[float], picture: str = "p0", target: float | None = 0.25) -> list[TimingSample]:
    """Of a whole process."""
    return [
        TimingSample(codec, picture, target, side, index, 0, (StageTime(CODEC, time, time),), 1, "cpu", 1, 0.0, True, True)
        for index, time in enumerate(times)
    ]


def campaign_of(*found: list[TimingSample]) -> Campaign:
    whole = made({"anchor": 1.0, "codec": 1.1}, pictures=2, targets=TARGETS, metrics=("psnr_y",))
    flat = tuple(sample for group in found for sample in group)
    return replace(whole, timing=Timing("m", "2026-01-01T00:00:00+00:00", False, 1, 7, 5, 1, (1,), TARGETS, flat))


STEADY = campaign_of(
    samples("anchor", DECODER, [1.0, 1.1, 0.9, 1.0, 1.0]),
    samples("anchor", DECODER, [3.0, 3.1, 2.9, 3.0, 30.0], target=0.5),
    samples("codec", DECODER, [2.0, 2.0, 2.2, 1.8, 2.1]),
    samples("codec", DECODER, [6.0, 6.0, 6.2, 5.8, 6.1], target=0.5),
    samples("codec", ENCODER, [4.0, 4.5, 4.2, 4.1, 5.0]),
)


def test_the_ratio_is_of_the_sums_of_medians() -> None:
    ratio = decode_ratio(STEADY, "codec")
    assert ratio.value == pytest.approx((2.0 + 6.0) / (1.0 + 3.0))
    assert ratio.low is not None
    assert ratio.high is not None
    assert ratio.low <= 2.0 <= ratio.high
    assert (ratio.points, ratio.busy, ratio.reason) == (2, 0, "")
    # One sample out of five that is ten times as long moves no median.
    assert decode_s(STEADY, "anchor").value == pytest.approx(2.0)


def test_the_anchor_is_once_the_anchor_for_sure() -> None:
    ratio = decode_ratio(STEADY, "anchor")
    assert (ratio.value, ratio.low, ratio.high) == (1.0, 1.0, 1.0)


def test_the_interval_is_scipys_bootstrap() -> None:
    times = list(np.random.default_rng(3).lognormal(size=25))
    found = encode_s(campaign_of(samples("codec", ENCODER, times)), "codec")
    theirs = stats.bootstrap(
        (times,), np.median, n_resamples=20000, method="percentile", rng=np.random.default_rng(1), vectorized=True
    ).confidence_interval  # fmt: skip
    assert found.value == pytest.approx(float(np.median(times)))
    assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high), rel=0.05)


def test_only_points_that_both_have() -> None:
    alone = campaign_of(
        samples("anchor", DECODER, [1.0] * 5), samples("codec", DECODER, [2.0] * 5), samples("codec", DECODER, [50.0] * 5, target=0.5)
    )
    assert decode_ratio(alone, "codec").value == 2.0
    assert decode_ratio(alone, "codec").points == 1
    assert decode_ratio(campaign_of(samples("codec", DECODER, [1.0] * 5)), "codec").reason == "anchor was not timed"
    apart = campaign_of(samples("anchor", DECODER, [1.0] * 5), samples("codec", DECODER, [1.0] * 5, target=0.5))
    assert decode_ratio(apart, "codec").reason == "codec and anchor share no timed point"
    none = decode_ratio(replace(apart, timing=None), "codec")
    assert (none.value, none.reason) == (None, "no timing campaign was made (--timing)")
    assert encode_s(apart, "codec").reason == "codec was not timed"


def test_the_start_is_taken_off_whole_processes_alone() -> None:
    inside = [replace(each, stages=(StageTime(READ, 0.0, None), *each.stages)) for each in samples("codec", DECODER, [2.0] * 5)]
    small = [
        sample
        for codec, time in (("anchor", 0.5), ("codec", 0.9))
        for sample in samples(codec, DECODER, [time] * 5, picture=SMALLEST, target=None)
    ]
    found = campaign_of(samples("anchor", DECODER, [1.0] * 5), inside, small)
    assert found.timing is not None
    assert is_whole_process(found.timing, "anchor")
    assert decode_ratio(found, "codec").value == 2.0
    of_whole = campaign_of(samples("anchor", DECODER, [1.0] * 5), samples("codec", DECODER, [2.0] * 5), small)
    assert decode_ratio(of_whole, "codec", less_start=True).value == pytest.approx((2.0 - 0.9) / (1.0 - 0.5))
    nothing = campaign_of(samples("anchor", DECODER, [0.5] * 5), samples("codec", DECODER, [2.0] * 5), small)
    assert decode_ratio(nothing, "codec", less_start=True).value is None


def test_points_that_failed_or_lack_samples_are_in_no_median() -> None:
    assert STEADY.timing is not None
    broken = samples("codec", DECODER, [60.0] * 5, picture="p1")
    short = samples("codec", DECODER, [80.0] * 4, picture="p1", target=0.5)
    anchors = [sample for target in TARGETS for sample in samples("anchor", DECODER, [1.0] * 5, picture="p1", target=target)]
    timing = replace(STEADY.timing, samples=(*STEADY.timing.samples, *broken, *short, *anchors))
    found = replace(STEADY, timing=replace(timing, failed=(TimingFailure("codec", "p1", 0.25, DECODER, "broke"),)))
    ratio, seconds = decode_ratio(found, "codec"), decode_s(found, "codec")
    assert (ratio.value, ratio.points) == (decode_ratio(STEADY, "codec").value, 2)
    assert (seconds.value, seconds.points) == (decode_s(STEADY, "codec").value, 2)
    told = "2 points left out: an execution of the decoder failed, or samples are missing"
    assert (ratio.reason, seconds.reason) == (told, told)
    assert encode_s(found, "codec").reason == ""
    alone = replace(found, timing=replace(timing, samples=tuple(anchors + short)))
    assert (decode_ratio(alone, "codec").value, decode_ratio(alone, "codec").reason) == (
        None, "codec was not timed; 1 point left out: an execution of the decoder failed, or samples are missing",
    )  # fmt: skip


@pytest.mark.parametrize("failing", ["anchor", "codec"])
def test_without_the_smallest_picture_of_one_side_nothing_is_less_start(failing: str) -> None:
    small = samples("codec" if failing == "anchor" else "anchor", DECODER, [0.5] * 5, picture=SMALLEST, target=None)
    found = campaign_of(samples("anchor", DECODER, [1.0] * 5), samples("codec", DECODER, [2.0] * 5), small)
    ratio = decode_ratio(found, "codec", less_start=True)
    assert (ratio.value, ratio.reason) == (None, f"the start of {failing} is not known, its smallest picture was not timed")
    assert decode_ratio(found, "codec").value == 2.0


def test_where_the_anchor_was_not_made_here_another_decoder_stands_for_it() -> None:
    def with_codecs(**seconds: float) -> Campaign:
        names = {"published:vvc": 1.0, **{name.replace("_", "-"): 1.1 for name in seconds}}
        whole = made(names, pictures=2, targets=TARGETS, metrics=("psnr_y",), anchor="published:vvc")
        points = [
            replace(point, coded=replace(point.coded, setting=None)) if point.coded.job.codec == "published:vvc" else point
            for point in whole.scored
        ]
        flat = [sample for name, time in seconds.items() for sample in samples(name.replace("_", "-"), DECODER, [time] * 5)]
        return replace(campaign_of(flat), scored=tuple(points), anchor="published:vvc")

    both = decode_ratio(with_codecs(codec=6.0, vvc_vvenc=3.0, vvc_vtm=2.0), "codec")
    assert (both.value, both.to) == (3.0, "vvc-vtm")
    one = decode_ratio(with_codecs(codec=6.0, vvc_vvenc=3.0), "codec")
    assert (one.value, one.to, one.reason) == (2.0, "vvc-vvenc", "")
    none = decode_ratio(with_codecs(codec=6.0), "codec")
    assert (none.value, none.to) == (None, "")
    assert none.reason.startswith("anchor published:vvc was not made here, and neither vvc-vtm nor vvc-vvenc was timed")
    assert decode_ratio(STEADY, "codec").to == "anchor"


def test_the_time_of_the_common_test_conditions() -> None:
    stages = tuple(StageTime(name, seconds, None) for name, seconds in ((START, 100.0), (READ, 1.0), (CODEC, 10.0), (WRITE, 0.1)))
    encoder = replace(samples("codec", ENCODER, [1.0])[0], stages=stages)
    assert encoder.time_s == pytest.approx(11.1)
    assert replace(encoder, side=DECODER).time_s == pytest.approx(11.0)
    assert not encoder.whole_process


def test_busy_points_and_marks_of_cells() -> None:
    busy = [replace(sample, idle_before=sample.index != 3) for sample in samples("codec", DECODER, [2.0, 2.0, 2.1, 2.2, 9.0])]
    found = campaign_of(samples("anchor", DECODER, [1.0] * 5), busy, samples("codec", ENCODER, [2.0] * 5))
    assert busy_points(found, "codec") == 1
    assert busy_points(found, "anchor") == 0
    assert decode_ratio(found, "codec").busy == 1
    assert found.timing is not None
    cell = next(cell for cell in cell_times(found.timing) if cell.place == ("codec", "p0", 0.25, DECODER))
    assert (cell.busy, cell.outliers, cell.time.median, cell.time.low, cell.time.high) == (1, 1, 2.1, 2.0, 9.0)

"""What holds for every metric, whichever file it comes from: golden values, invariants, refusals."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ctc.errors import MetricUndefined
from ctc.records import METRIC_ORDER

PEAK = 1023
SINGLE_FRAME_VMAF = 97.43


def planes(metric, height, width):
    return (height, width) if metric.wants == "y" else (3, height, width)


def score(metric, reference, distorted):
    return metric.score(reference, distorted, PEAK)


def test_all_columns_have_a_metric():
    from ctc import plugins

    assert set(METRIC_ORDER) <= set(plugins.metrics().found)


def test_golden_values(metric, golden, golden_pair):
    rows = [row for row in golden if row["metric"] == metric.name]
    assert rows or metric.extra or metric.transfer == "pq", f"no golden value for {metric.name}"
    off = []
    for row in rows:
        value = score(metric, *golden_pair(row, metric))
        if not abs(value - float(row["value"])) <= float(row["tolerance"]):
            off.append((row["pair"], value, row["value"], row["tolerance"]))
    assert not off


def test_equal_pictures_get_the_best_value(metric, pair):
    reference, _ = pair("chelsea", 50, metric.wants)
    value = score(metric, reference, reference.copy())
    if metric.info.unit == "dB":
        assert value == math.inf
    elif metric.name in ("vmaf", "vmaf_neg"):
        assert value == pytest.approx(SINGLE_FRAME_VMAF, abs=0.01)
    else:
        assert value == pytest.approx(1.0 if metric.info.higher_is_better else 0.0, abs=1e-6)


def test_codes_that_cannot_be_written(metric, pair):
    codes = [each.copy() for each in pair("astronaut", 30, metric.wants)]
    value = score(metric, *codes)
    for each in codes:
        each.flags.writeable = False
    assert score(metric, *codes) == value


def test_value_worsens_with_noise(metric, pair, noise):
    reference, _ = pair("astronaut", 50, metric.wants)
    values = []
    for amplitude in (4, 16, 64, 200):
        error = noise(*reference.shape, seed=1, high=2 * amplitude + 1).astype(int) - amplitude
        values.append(score(metric, reference, np.clip(reference + error, 0, PEAK).astype(np.uint16)))
    assert values == sorted(values, reverse=metric.info.higher_is_better)
    assert len(set(values)) == len(values)


def test_same_bits_again_and_with_other_thread_settings(metric, pair):
    import torch
    from threadpoolctl import threadpool_limits

    from ctc.kernels.strips import threads as strip_threads

    reference, distorted = pair("chelsea", 30, metric.wants)
    before = torch.get_num_threads()
    first = score(metric, reference, distorted)
    try:
        torch.set_num_threads(2)
        with threadpool_limits(2), strip_threads(2):
            second = score(metric, reference, distorted)
        assert torch.get_num_threads() == 2, "the caller's number of threads was not restored"
    finally:
        torch.set_num_threads(before)
    assert first == second


def test_a_prepared_reference_gives_the_bits_of_single_scores_in_any_order(metric, pair):
    reference, _ = pair("chelsea", 30, metric.wants)
    coded = [pair("chelsea", quality, metric.wants)[1] for quality in (15, 40, 90)]
    alone = [score(metric, reference, distorted) for distorted in coded]
    scorer = metric.against(reference, PEAK)
    order = (2, 0, 1, 0, 2)
    assert [scorer(coded[index]) for index in order] == [alone[index] for index in order]


def test_inputs_are_not_written(metric, pair):
    reference, distorted = (codes.copy() for codes in pair("camera", 30, metric.wants, 200, 180))
    before = reference.copy(), distorted.copy()
    reference.setflags(write=False)
    distorted.setflags(write=False)
    score(metric, reference, distorted)
    assert np.array_equal(reference, before[0])
    assert np.array_equal(distorted, before[1])


def test_different_shapes_are_refused_with_both(metric, noise):
    with pytest.raises(ValueError, match=r"200, 300\).*200, 301\)"):
        score(metric, noise(*planes(metric, 200, 300)), noise(*planes(metric, 200, 301)))


def test_wrong_number_of_planes_is_refused(metric, noise):
    wrong = noise(3, 40, 40) if metric.wants == "y" else noise(40, 40)
    with pytest.raises(ValueError, match="expected"):
        score(metric, wrong, wrong)


def test_codes_above_the_peak_are_refused(metric, noise):
    with pytest.raises(ValueError, match="above the peak 255"):
        metric.score(noise(*planes(metric, 64, 64)), noise(*planes(metric, 64, 64), seed=1), 255)


def score_or_reason(metric, reference, distorted):
    try:
        return score(metric, reference, distorted)
    except MetricUndefined as undefined:
        return str(undefined)


@pytest.mark.parametrize("height_width", [(1, 1), (1, 2), (2, 1), (7, 9), (1, 300), (300, 1)])
def test_tiny_pictures_have_a_value_or_a_reason(metric, noise, height_width):
    shape = planes(metric, *height_width)
    outcome = score_or_reason(metric, noise(*shape, seed=2), noise(*shape, seed=3))
    assert len(outcome) > 20 if isinstance(outcome, str) else math.isfinite(outcome)


@pytest.mark.parametrize("levels", [(0, 0), (0, PEAK), (PEAK, 0), (400, 400)])
@pytest.mark.parametrize("side", [40, 280])
def test_flat_pictures_have_a_value_or_a_reason(metric, levels, side):
    shape = planes(metric, side, side)
    outcome = score_or_reason(metric, *(np.full(shape, level, np.uint16) for level in levels))
    if isinstance(outcome, str):
        assert "flat" in outcome
    else:
        assert math.isfinite(outcome) or (metric.info.unit == "dB" and levels[0] == levels[1])


def test_extreme_codes_give_a_number(metric, noise):
    shape = planes(metric, 270, 300)
    checker = (np.indices(shape).sum(axis=0) % 2 * PEAK).astype(np.uint16)
    value = score(metric, noise(*shape), (PEAK - checker).astype(np.uint16))
    assert math.isfinite(value)


def test_eight_bit_codes_are_close_to_ten_bit_codes(metric, pair):
    ten = score(metric, *pair("astronaut", 20, metric.wants))
    eight = metric.score(*pair("astronaut", 20, metric.wants, bits=8), 255)
    assert eight != ten
    assert eight == pytest.approx(ten, rel=0.05)


def test_record_names_version_and_source(metric):
    assert metric.info.version
    assert metric.info.reference
    assert metric.info.range
    assert metric.wants in ("y", "yuv", "rgb")

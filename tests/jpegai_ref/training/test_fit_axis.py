"""The axis of qualities from rates: models meet where their rates do."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from jpegai_ref.coder import Coder
from jpegai_ref.training import fit_axis
from jpegai_ref.training.fit_axis import START_BPP, Curve, joins, main, spans, start
from jpegai_ref.variable_rate import RATE_MODELS
from numpy.typing import NDArray
from PIL import Image

from ctc.records import AVG_METRICS


def line(first: int, last: int, slope: float, rate: float, metric: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> Curve:
    """A model whose ln(rate) rises evenly; `rate` without displacement; `metric` of ln(rate)."""
    steps = np.arange(first, last + 1, 10, dtype=np.float64)
    log_rates = math.log(rate) + slope * steps
    return Curve(steps, log_rates, np.stack([metric(log_rates), 2 * metric(log_rates)], axis=1))


def best_at(bpp: float) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    """A metric that rises with the rate and loses with the distance from a rate."""
    return lambda log_rates: log_rates - 0.1 * np.square(log_rates - math.log(bpp))


CURVES = [
    line(-500, 300, 0.004, 0.08, best_at(0.08)),
    line(-300, 300, 0.003, 0.2, best_at(0.2)),
    line(-300, 300, 0.003, 0.6, best_at(0.6)),
    line(-400, 700, 0.002, 1.5, best_at(1.5)),
]


def rate_at(curve: Curve, displacement: float) -> float:
    return float(np.interp(displacement, curve.displacements, curve.log_rates))


def test_neighbours_meet_where_the_upper_one_becomes_the_better() -> None:
    expected = [math.log(0.08 * 0.2) / 2, math.log(0.2 * 0.6) / 2, math.log(0.6 * 1.5) / 2]
    assert joins(CURVES) == pytest.approx(expected, abs=0.02)


def test_a_model_that_is_never_the_better_is_left_as_soon_as_can_be_or_not_begun() -> None:
    worst = line(-500, 300, 0.004, 0.08, lambda log_rates: log_rates - 9)
    assert joins([worst, CURVES[1]])[0] == pytest.approx(CURVES[1].log_rates[0], abs=0.02)
    assert joins([CURVES[1], line(-300, 300, 0.003, 0.6, lambda log_rates: log_rates - 9)])[0] == pytest.approx(
        CURVES[1].log_rates[-1], abs=0.02
    )


def test_a_metric_that_falls_somewhere_has_no_say() -> None:
    falling = [
        Curve(curve.displacements, curve.log_rates, np.column_stack([curve.metrics, np.sin(9 * curve.log_rates)])) for curve in CURVES
    ]
    assert joins(falling) == joins(CURVES)
    with pytest.raises(ValueError, match="no metric rises"):
        joins([Curve(curve.displacements, curve.log_rates, curve.metrics * -1) for curve in CURVES])


def test_joins_rise() -> None:
    """Also where the second model is best below where it takes over from the first."""
    odd = [CURVES[1], line(-300, 300, 0.003, 0.25, lambda log_rates: log_rates - 9), line(-300, 300, 0.003, 0.3, best_at(0.01))]
    first, second = joins(odd)
    assert first <= second


def test_measured_curves_give_an_axis(
    own_weights: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(fit_axis, "STEP", 400)
    monkeypatch.setattr(fit_axis, "SIDE", 192)
    assert main(["--data", str(folder), "--weights", str(own_weights), "--pictures", "1"]) == 0
    printed = dict(line.split(" = ") for line in capsys.readouterr().out.splitlines())
    found = ast.literal_eval(printed["SPANS"])
    assert [len(span) for span in found] == [2] * 4
    assert all(
        model.lowest_displacement <= low and high <= model.highest_displacement
        for model, (low, high) in zip(RATE_MODELS, found, strict=True)
    )
    assert [bpp for bpp, _ in ast.literal_eval(printed["START"])] == list(START_BPP)


def test_a_decoded_luma_is_nearer_with_more_bytes(own_coder: Coder, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fit_axis, "STEP", 400)
    monkeypatch.setattr(fit_axis, "SIDE", 192)
    for curve in fit_axis.curves(own_coder, [folder / "coffee.png"]):
        assert (np.diff(curve.log_rates) > 0).all()
        rises = dict(zip(AVG_METRICS, (np.diff(curve.metrics, axis=0) > 0).all(0), strict=True))
        # VMAF alone may fall from one displacement to the next on a single small picture, by a point or two of a hundred.
        assert np.diff(curve.metrics[:, AVG_METRICS.index("vmaf")]).min() > -2
        assert {name for name, rising in rises.items() if not rising} <= {"vmaf"}


def test_pictures_that_metrics_cannot_take_are_named(own_weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Image.fromarray(np.zeros((100, 300, 3), np.uint8)).save(tmp_path / "low.png")
    assert main(["--data", str(tmp_path), "--weights", str(own_weights)]) == 1
    assert capsys.readouterr().err == "jpegai_ref.training.fit_axis: low.png is smaller than 161 samples, which MS-SSIM needs\n"


def test_neighbours_need_a_rate_in_common() -> None:
    with pytest.raises(ValueError, match="no rate in common"):
        joins([CURVES[0], line(0, 10, 0.001, 50, best_at(50))])


def test_the_rate_goes_on_through_the_joins() -> None:
    meeting = joins(CURVES)
    found = spans(CURVES, meeting)
    assert (found[0][0], found[-1][1]) == (-500, 700)
    for (_, last), (first, _), below, above, join in zip(found, found[1:], CURVES, CURVES[1:], meeting, strict=False):
        assert abs(rate_at(below, last) - join) < 0.004
        assert abs(rate_at(above, first) - join) < 0.008


def test_searches_start_at_the_rate_that_is_asked_for() -> None:
    found = spans(CURVES, joins(CURVES))
    axis = [
        rate_at(curve, displacement) for (first, last), curve in zip(found, CURVES, strict=True) for displacement in range(first, last + 1)
    ]
    places = dict(start(CURVES, found))
    assert tuple(places) == START_BPP
    for bpp, quality in places.items():
        assert abs(axis[quality] - math.log(bpp)) < 0.01


def test_mistakes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mistakes = [
        (["--pictures", "0"], "argument --pictures: 0 is not in 1..10000"),
        (["--pictures", "1.5"], "argument --pictures: '1.5' is no integer"),
        ([], f"{tmp_path} holds no pictures"),
    ]
    for arguments, complaint in mistakes:
        with pytest.raises(SystemExit, match="2"):
            main(["--data", str(tmp_path), *arguments])
        assert capsys.readouterr().err == f"jpegai_ref.training.fit_axis: {complaint}\n"
    (tmp_path / "a.png").write_bytes(b"rubbish")
    (tmp_path / "w.safetensors").write_bytes(b"rubbish")
    assert main(["--data", str(tmp_path), "--weights", str(tmp_path / "w.safetensors")]) == 1
    assert "holds no weights" in capsys.readouterr().err

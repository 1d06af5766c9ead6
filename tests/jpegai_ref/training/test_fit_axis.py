"""The axis of qualities from rates: models meet where their rates do."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from jpegai_ref.training.fit_axis import START_BPP, Curve, main, spans, start


def line(first: int, last: int, slope: float, rate: float) -> Curve:
    """A model whose ln(rate) rises evenly; `rate` without displacement."""
    steps = np.arange(first, last + 1, 10, dtype=np.float64)
    return steps, math.log(rate) + slope * steps


CURVES = [line(-500, 300, 0.004, 0.08), line(-300, 300, 0.003, 0.2), line(-300, 300, 0.003, 0.6), line(-400, 700, 0.002, 1.5)]


def test_neighbours_meet_at_the_mean_of_their_rates() -> None:
    found = spans(CURVES)
    assert (found[0][0], found[-1][1]) == (-500, 700)
    for (_, last), (first, _), below, above in zip(found, found[1:], CURVES, CURVES[1:], strict=False):
        meeting = (np.interp(0, *below) + np.interp(0, *above)) / 2
        assert abs(np.interp(last, *below) - meeting) < 0.004
        assert abs(np.interp(first, *above) - meeting) < 0.008


def test_searches_start_at_the_rate_that_is_asked_for() -> None:
    found = spans(CURVES)
    axis = [
        np.interp(displacement, *curve)
        for (first, last), curve in zip(found, CURVES, strict=True)
        for displacement in range(first, last + 1)
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

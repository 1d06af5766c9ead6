"""What is expected of two campaigns that only chance tells apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.timing_twice import expected_share, holding, times_of


@pytest.mark.parametrize("samples", [5, 7])
def test_the_expected_share_by_simulation(samples: int) -> None:
    one, other = np.random.default_rng(5).lognormal(size=(2, 40_000, samples))
    medians = np.median(other, axis=1)
    share = float(np.mean((one.min(axis=1) <= medians) & (medians <= one.max(axis=1))))
    assert expected_share(samples) == pytest.approx(share, abs=0.01)


def test_medians_are_looked_for_in_the_others_intervals(tmp_path: Path) -> None:
    head = "codec,picture,target_bpp,side,stage,wall_s\n"
    for name, times in (("one", (1.0, 1.1, 1.2, 1.3, 1.4)), ("other", (1.35, 1.36, 1.37, 2.0, 3.0))):
        rows = [f"c,p,0.5,decoder,{stage},{time}\n" for time in times for stage in ("time", "codec")]
        (tmp_path / name).write_text(head + "".join(rows))
    one, other = times_of(tmp_path / "one"), times_of(tmp_path / "other")
    assert one == {("c", "p", "0.5", "decoder"): [1.0, 1.1, 1.2, 1.3, 1.4]}
    assert list(holding(one, other).values()) == [True]
    assert list(holding(other, one).values()) == [False]

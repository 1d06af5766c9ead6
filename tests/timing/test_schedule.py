"""What is timed, in which order."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctc.records.timing import DECODER, ENCODER, LOADING, SMALLEST
from ctc.timing.schedule import Cell, cells, loading, shuffled, timed_points, typical
from ctc.timing.wanted import TimingWanted
from tests.campaigns import made
from tests.timing.conftest import Register
from tests.timing.told_codecs import Stays, Told, campaign_with, steady

POINTS = [point.coded for point in made({"anchor": 1.0, "other": 1.1}, pictures=2).scored]


@given(st.integers(0, 2**32 - 1), st.integers(1, 7))
def test_the_order_is_a_permutation_that_the_seed_decides(seed: int, samples: int) -> None:
    todo = cells(POINTS)
    jobs = shuffled(todo, samples, seed)
    assert Counter((job.cell.place, job.index) for job in jobs) == Counter((cell.place, index) for cell in todo for index in range(samples))
    assert jobs == shuffled(todo, samples, seed)


def test_seeds_give_other_orders_in_which_codecs_are_mixed() -> None:
    todo = cells(POINTS)
    orders = {tuple(job.cell.place for job in shuffled(todo, 5, seed)) for seed in range(20)}
    assert len(orders) == 20
    first_half = [place[0] for place in next(iter(orders))[: 5 * len(todo) // 2]]
    assert 0.3 < first_half.count("anchor") / len(first_half) < 0.7


def test_both_sides_of_every_point_and_the_smallest_picture_once() -> None:
    places = [cell.place for cell in cells(POINTS)]
    assert len(set(places)) == len(places) == 2 * len(POINTS) + 2 * 2
    assert {place[3] for place in places} == {ENCODER, DECODER}
    assert [place for place in places if place[1] == SMALLEST] == [
        (codec, SMALLEST, None, side) for codec in ("anchor", "other") for side in (ENCODER, DECODER)
    ]
    assert {coded.job.target_bpp for coded in typical(POINTS)} == {0.25}


def test_only_points_that_were_coded_here_at_the_rates_asked_for() -> None:
    whole = made({"anchor": 1.0}, pictures=2)
    assert {coded.job.target_bpp for coded in timed_points(whole, TimingWanted((0.25, 0.5)))} == {0.25, 0.5}


@pytest.mark.parametrize(
    ("images", "names"), [((), {"p0", "p1"}), (("p1",), {"p1"}), (("p1.png",), {"p1"}), (("*0", "?1.png"), {"p0", "p1"}), (("P1",), set())]
)
def test_only_points_of_pictures_whose_file_name_matches(images: tuple[str, ...], names: set[str]) -> None:
    whole = made({"anchor": 1.0, "other": 1.1}, pictures=2)
    points = timed_points(whole, TimingWanted((0.25, 0.5), images=images))
    assert {coded.job.picture.name for coded in points} == names
    assert len(points) == 2 * 2 * len(names)


def test_what_is_loaded_is_loaded_once_for_all_that_share_it(register: Register, pictures: Path) -> None:
    codecs = (Told("program", steady(1.0)), Stays("sop", steady(1.0)), Stays("bop", steady(1.0)))
    register(*codecs)
    points = timed_points(campaign_with(pictures, *codecs), TimingWanted((0.25,)))
    (cell,) = loading(points, 1)
    assert cell.place == ("a model", "", None, LOADING)


def test_identity_is_of_contents() -> None:
    cell = Cell(POINTS[0], ENCODER)
    assert POINTS[0].bitstream_sha256 in cell.identity
    assert POINTS[0].job.picture.sha256 in cell.identity
    assert POINTS[0].job.picture.path not in cell.identity
    with pytest.raises(AttributeError):
        cell.side = DECODER  # type: ignore[misc]

"""Counts in the store: found again for the same codec, version and size, and for nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from ctc.complexity.stored import keep, recall
from ctc.records import ModelSizes, PartMacs, Picture, PictureMacs
from ctc.store import Store
from tests.campaigns import picture

SIZES = ModelSizes(1, 2, 3, 4, 5, 6, 7, "float16")


def macs(of: Picture, official: int, target_bpp: float = 0.25) -> PictureMacs:
    return PictureMacs(of, (PartMacs("decoder", "hyper", None, 5, official, 0, 0, 1, 2, 0),), target_bpp)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def test_what_was_kept_is_found(store: Store) -> None:
    one, two, small = picture("one"), picture("two"), picture("small", 64, 64)
    keep(store, "bop", "1", [macs(one, 10), macs(two, 20), macs(small, 30)], SIZES)
    found = recall(store, "bop", "1", [two, small, one])
    assert found is not None
    assert found.counts == (macs(two, 20), macs(small, 30), macs(one, 10))
    assert (found.codec, found.sizes, found.stand_ins) == ("bop", SIZES, ())


def test_another_picture_of_the_size_stands_in_and_is_named(store: Store) -> None:
    one, other = picture("one"), picture("other")
    keep(store, "bop", "1", [macs(one, 10)], SIZES)
    found = recall(store, "bop", "1", [other, picture("of another size", 8, 8)])
    assert found is not None
    assert found.counts == (macs(other, 10),)
    assert found.stand_ins == (("other", "one"),)


def test_a_new_count_takes_the_place_of_the_old_one_of_its_picture_only(store: Store) -> None:
    one, two = picture("one"), picture("two")
    keep(store, "bop", "1", [macs(one, 10), macs(two, 20)], SIZES)
    keep(store, "bop", "1", [macs(one, 11)], SIZES)
    found = recall(store, "bop", "1", [one, two])
    assert found is not None
    assert found.counts == (macs(one, 11), macs(two, 20))


def test_a_rate_of_which_others_stand_in_does_not_enter_beside_a_whole_one(store: Store) -> None:
    one, two = picture("one"), picture("two")
    keep(store, "bop", "1", [macs(one, 10, 0.06), macs(two, 999, 0.06)], SIZES)
    keep(store, "bop", "1", [macs(one, 20, 0.25)], SIZES)
    found = recall(store, "bop", "1", [one, two])
    assert found is not None
    assert (found.counts, found.stand_ins) == ((macs(one, 10, 0.06), macs(two, 999, 0.06)), ())


def test_counts_at_several_rates_stand_beside_one_another(store: Store) -> None:
    one, two = picture("one"), picture("two")
    keep(store, "bop", "1", [macs(one, 20, 0.5), macs(two, 30, 0.5)], SIZES)
    keep(store, "bop", "1", [macs(one, 10, 0.06), macs(two, 11, 0.06)], SIZES)
    found = recall(store, "bop", "1", [one, two])
    assert found is not None
    assert found.counts == (macs(one, 10, 0.06), macs(two, 11, 0.06), macs(one, 20, 0.5), macs(two, 30, 0.5))
    assert (found.pictures, found.target_bpps, found.stand_ins) == ((one, two), (0.06, 0.5), ())


def test_a_rate_of_fewer_pictures_enters_no_mean(store: Store) -> None:
    one, small = picture("one"), picture("small", 64, 64)
    keep(store, "bop", "1", [macs(one, 10), macs(small, 20), macs(one, 5, 0.06), macs(small, 40, 0.75), macs(one, 30, 0.75)], SIZES)
    found = recall(store, "bop", "1", [one, small])
    assert found is not None
    assert found.counts == (macs(one, 10), macs(small, 20), macs(one, 30, 0.75), macs(small, 40, 0.75))


def test_nothing_stands_in_for_a_picture_that_was_counted_itself(store: Store) -> None:
    one, other, third = picture("one"), picture("other"), picture("third")
    keep(store, "bop", "1", [macs(one, 10), macs(other, 20, 0.5)], SIZES)
    found = recall(store, "bop", "1", [one])
    assert found is not None
    assert (found.counts, found.stand_ins) == ((macs(one, 10),), ())
    found = recall(store, "bop", "1", [third])
    assert found is not None
    assert found.counts == (macs(third, 10), macs(third, 20, 0.5))
    assert found.stand_ins == (("third", "one"), ("third", "other"))


@pytest.mark.parametrize(("codec", "version"), [("bop", "2"), ("hop", "1")])
def test_other_codecs_and_versions_have_none(store: Store, codec: str, version: str) -> None:
    keep(store, "bop", "1", [macs(picture("one"), 10)], SIZES)
    assert recall(store, codec, version, [picture("one")]) is None

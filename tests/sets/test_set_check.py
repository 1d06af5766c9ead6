"""A set is compared with its list or its lock file before it is used, and each thing that can be wrong has its own word."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from ctc import datasets
from ctc.errors import CtcError, DataSetMissing, UsageError
from ctc.sets.check import expected_of, lock, verify
from ctc.sets.listing import Listed, Verdict, read_list, set_digest, write_list
from ctc.sets.places import LOCK, named_sets, place_of
from ctc.store import Store
from tests.conftest import Ctc

NAMES = ("a.png", "b.png", "c.png", "d.png")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four pictures of 24x16 in `data/four`."""
    folder = tmp_path / "data" / "four"
    folder.mkdir(parents=True)
    for number, name in enumerate(NAMES):
        Image.radial_gradient("L").resize((24, 16)).rotate(90 * number + 10).convert("RGB").save(folder / name)
    return folder


@pytest.fixture
def by_md5(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a set `four` that has a list of MD5, as that of the common test conditions has, and of a set `counted`."""
    listed = [Listed(name, 24, 16, (folder / name).stat().st_size, hashlib.md5((folder / name).read_bytes()).hexdigest()) for name in NAMES]
    write_list(tmp_path / "four.csv", listed)
    (tmp_path / "sets.yaml").write_text(
        "four: {about: x, folder: $CTC_DATA/four, list: four.csv, source: example.org/four}\n"
        "counted: {about: x, folder: $CTC_DATA/four, count: 4}\n"
    )
    monkeypatch.setenv("CTC_DATASETS", str(tmp_path / "sets.yaml"))
    monkeypatch.setenv("CTC_DATA", str(tmp_path / "data"))
    return folder


def saved_again(path: Path, target: Path) -> None:
    """The same samples in a file with other bytes."""
    with Image.open(path) as image:
        image.save(target, compress_level=0)


def words(name: str, store: Store) -> dict[str, str]:
    return {verdict.name: verdict.word for verdict in verify(place_of(name), store)[1]}


def damage(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:100])


def shrink(path: Path) -> None:
    Image.new("RGB", (10, 8)).save(path)


def repaint(path: Path) -> None:
    Image.new("RGB", (24, 16), "red").save(path)


def rename(path: Path) -> None:
    path.rename(path.with_name("e.png"))


@pytest.mark.parametrize("listed", ["four", "counted"])
@pytest.mark.parametrize(
    ("change", "word", "says"),
    [
        (damage, "damaged", "is damaged: cannot be decoded"),
        (shrink, "wrong size", "has the wrong size: 10x8, 24x16 expected"),
        (repaint, "altered", "is altered, or another picture: the|is altered, or another picture: its MD5 is not that of the list"),
        (rename, "renamed", "is there under the name e.png"),
        (Path.unlink, "missing", "is missing"),
    ],
)
def test_each_fault_has_its_word(by_md5: Path, store: Store, listed: str, change: Callable[[Path], None], word: str, says: str) -> None:
    lock(place_of("counted"), store)
    assert set(words(listed, store).values()) == {"verified"}
    change(by_md5 / "b.png")
    (found,) = [verdict for verdict in verify(place_of(listed), store)[1] if verdict.name == "b.png"]
    assert found.word == word
    assert any(each in found.reason for each in says.split("|"))
    others = {name: each for name, each in words(listed, store).items() if name != "b.png"}
    assert others == dict.fromkeys(("a.png", "c.png", "d.png"), "verified") | ({"e.png": "extra"} if change is rename else {})
    with pytest.raises(DataSetMissing, match=r"b\.png"):
        datasets.load(listed, store)
    part = datasets.load(listed, store, allow_partial=True)
    assert [picture.name for picture in part.pictures] == ["a", "c", "d"]
    assert part.state is not None
    assert (part.state.share, part.state.left_out) == ("partial set: 3 of 4 pictures", (("b", found.reason),))


def test_two_pictures_that_changed_names(by_md5: Path, store: Store) -> None:
    (by_md5 / "a.png").rename(by_md5 / "x")
    (by_md5 / "b.png").rename(by_md5 / "a.png")
    (by_md5 / "x").rename(by_md5 / "b.png")
    assert verify(place_of("four"), store)[1][:2] == [
        Verdict("a.png", "renamed", "is there under the name b.png"),
        Verdict("b.png", "renamed", "is there under the name a.png"),
    ]


def test_samples_decide_where_they_are_listed_and_the_file_where_they_are_not(by_md5: Path, store: Store) -> None:
    lock(place_of("counted"), store)
    saved_again(by_md5 / "a.png", by_md5 / "a.png")
    assert words("counted", store)["a.png"] == "verified"
    assert words("four", store)["a.png"] == "altered"


def test_strangers_are_told_of_and_not_used(by_md5: Path, store: Store) -> None:
    shutil.copy(by_md5 / "a.png", by_md5 / "z.png")
    loaded = datasets.load("four", store)
    assert [picture.name for picture in loaded.pictures] == ["a", "b", "c", "d"]
    assert loaded.state is not None
    assert not loaded.state.partial
    assert loaded.state.remarks == ("not of the set and not used: z.png",)
    with pytest.raises(DataSetMissing, match=r"5 pictures in .*, 4 expected: 1 too many, and no list says which"):
        datasets.load("counted", store, allow_partial=True)


def test_what_is_asked_for_must_be_there_and_no_more(by_md5: Path, store: Store) -> None:
    (by_md5 / "d.png").unlink()
    part = datasets.load("four", store, limit=2)
    assert part.state is not None
    assert (part.state.share, part.state.left_out) == ("partial set: 2 of 4 pictures", ())
    assert [picture.name for picture in datasets.load("four", store, ["c*"]).pictures] == ["c"]
    (by_md5 / "a.png").unlink()
    assert [picture.name for picture in datasets.load("four", store, limit=1, allow_partial=True).pictures] == ["b"]
    with pytest.raises(DataSetMissing, match=r"set four: all 1 pictures are missing, none of them is in"):
        datasets.load("four", store, ["a*"], allow_partial=True)


def test_the_first_use_locks_a_set_of_which_the_number_is_known(by_md5: Path, store: Store) -> None:
    assert expected_of(place_of("counted")).listed is None
    datasets.load("counted", store, locking=False)
    assert not (by_md5 / LOCK).exists()
    first = datasets.load("counted", store)
    assert first.state is not None
    assert first.state.remarks == (f"{LOCK} was written on this first use",)
    assert [listed.name for listed in read_list(by_md5 / LOCK)] == list(NAMES)
    second = datasets.load("counted", store)
    assert second.state is not None
    assert (second.state.verified, second.state.digest) == (f"the lock file {LOCK}", first.state.digest)


def test_a_part_of_a_set_is_not_locked(by_md5: Path, store: Store) -> None:
    (by_md5 / "d.png").unlink()
    with pytest.raises(DataSetMissing, match=r"3 pictures in .*, 4 expected: 1 missing; .*--allow-partial"):
        datasets.load("counted", store)
    with pytest.raises(DataSetMissing, match="1 missing"):
        lock(place_of("counted"), store)
    part = datasets.load("counted", store, allow_partial=True)
    assert part.state is not None
    assert part.state.remarks == ("no lock file was written: the set is not whole",)
    assert not (by_md5 / LOCK).exists()


def test_of_a_counted_set_no_more_is_read_than_is_asked_for(by_md5: Path, store: Store) -> None:
    damage(by_md5 / "c.png")
    for asked, names in (({"limit": 2}, ["a", "b"]), ({"patterns": ["b*", "d*"]}, ["b", "d"])):
        some = datasets.load("counted", store, **asked)
        assert [picture.name for picture in some.pictures] == names
        assert some.state is not None
        assert some.state.remarks == ("no lock file was written: not all of the set was asked for",)
        assert some.state.partial
    with pytest.raises(DataSetMissing, match=r"c\.png is damaged"):
        datasets.load("counted", store, limit=3)
    others = datasets.load("counted", store, limit=3, allow_partial=True)
    assert [picture.name for picture in others.pictures] == ["a", "b", "d"]
    assert others.state is not None
    assert [name for name, _ in others.state.left_out] == ["c"]
    assert not (by_md5 / LOCK).exists()
    for name in NAMES:
        (by_md5 / name).unlink()
    with pytest.raises(DataSetMissing, match="all 4 pictures are missing"):
        datasets.load("counted", store, allow_partial=True)


def test_a_lock_file_is_not_replaced_unasked(by_md5: Path, store: Store) -> None:
    old = lock(place_of("counted"), store)
    assert lock(place_of("counted"), store) == old
    repaint(by_md5 / "b.png")
    with pytest.raises(UsageError, match=r"says otherwise of b\.png; --replace writes a new one"):
        lock(place_of("counted"), store)
    assert lock(place_of("counted"), store, replace_other=True) != old


def test_a_folder_of_ones_own_is_compared_with_its_lock_file(pictures: Path, store: Store) -> None:
    assert datasets.load(str(pictures), store).state is None
    lock(place_of(str(pictures)), store)
    (pictures / "coffee.png").unlink()
    with pytest.raises(DataSetMissing, match=r"1 of 2 pictures is missing in .*: coffee\.png"):
        datasets.load(str(pictures), store)


@pytest.mark.parametrize("text", ["", "name\n", "width\n3\n", "name\na.png\na.png\n", "name,width\na.png,x\n", "name\n../a.png\n", "\0"])
def test_lists_that_are_none(by_md5: Path, store: Store, text: str) -> None:
    (by_md5 / LOCK).write_text(text)
    with pytest.raises(UsageError, match=f"{LOCK}: "):
        datasets.load("counted", store)


def test_the_lists_that_ship() -> None:
    """The official set: 353.48 megapixels and 594.8 MB in all, nine pictures with an odd side. Kodak: 18 wide, 6 high."""
    test, kodak = (expected_of(place_of(name)).listed or () for name in ("test", "kodak"))
    assert len(test) == len({each.md5 for each in test}) == named_sets_whole("test") == 50
    assert round(sum((each.width or 0) * (each.height or 0) for each in test) / 1e6, 2) == 353.48
    assert round(sum(each.bytes or 0 for each in test) / 1e6, 1) == 594.8
    assert sum((each.width or 0) % 2 or (each.height or 0) % 2 for each in test) == 9
    assert all(f"_TE_{each.width}x{each.height}_8bit_sRGB.png" in each.name for each in test)
    assert sorted((each.width, each.height) for each in kodak) == [(512, 768)] * 6 + [(768, 512)] * 18
    assert len({each.samples_sha256 for each in kodak}) == 24
    assert (named_sets()["synthetic"].count, named_sets()["hdr"].count) == (36, 12)


def named_sets_whole(name: str) -> int | None:
    return expected_of(place_of(name)).whole


def test_digest_is_of_names_and_samples_in_any_order() -> None:
    assert set_digest([("a", "1"), ("b", "2")]) == set_digest([("b", "2"), ("a", "1")]) != set_digest([("a", "2"), ("b", "1")])


def test_commands(by_md5: Path, ctc: Ctc) -> None:
    assert ctc("datasets", "verify", "four").out.startswith("four: 4 of 4 pictures verified; compared with the list four.csv\ndigest of")
    listing = ctc("datasets", "list")
    assert "4 of 4 there, in" in listing.out
    locked = ctc("datasets", "lock", "counted")
    assert (locked.status, locked.out.split(": ")[1][:10]) == (0, "4 pictures")
    damage(by_md5 / "c.png")
    (by_md5 / "d.png").unlink()
    for name in ("four", "counted", f"four={by_md5}", by_md5):
        ended = ctc("datasets", "verify", name)
        assert ended.status == 4
        assert "c.png is damaged: cannot be decoded" in ended.out
        assert "d.png is missing\n" in ended.out
        assert "2 of 4 pictures verified, 1 damaged, 1 missing" in ended.out
    refused = ctc("datasets", "lock", "counted", "--replace")
    assert (refused.status, len(refused.err.splitlines())) == (4, 1)
    for path in by_md5.iterdir():
        path.unlink()
    missing = ctc("run", "--set", "four", "--out", "refused")
    assert missing.status == 4
    assert not Path("refused").exists()
    assert missing.err == f"ctc: set four: all 4 pictures are missing, none of them is in {by_md5}; get them from example.org/four; " + (
        "if they are elsewhere: four=FOLDER\n"
    )


@pytest.mark.usefixtures("by_md5")
def test_absent_and_closed_folders(tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataSetMissing, match="all 4 pictures are missing, there is no folder"):
        verify(place_of(f"four={tmp_path}/absent"), store)
    with pytest.raises(DataSetMissing, match="there is no folder"):
        lock(place_of(f"counted={tmp_path}/absent"), store)

    def refuse(self: Path) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(CtcError, match="cannot be listed: Permission denied"):
        datasets.load("four", store)

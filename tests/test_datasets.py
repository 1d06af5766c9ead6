"""Sets: known by contents, named clearly when something is not there."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ctc import datasets
from ctc.errors import DataSetMissing, UsageError
from ctc.picturefiles import read_picture, write_png
from ctc.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def test_demo_set_is_eight_colour_photographs_of_several_sizes(store: Store) -> None:
    demo = datasets.load("demo", store)
    assert len(demo.pictures) == 8
    assert not demo.failed
    assert len({picture.sha256 for picture in demo.pictures}) == 8
    assert len({(picture.width, picture.height) for picture in demo.pictures}) >= 6
    assert any(picture.width % 2 or picture.height % 2 for picture in demo.pictures)
    assert {picture.colour for picture in demo.pictures} == {"8-bit RGB"}
    assert datasets.load("demo", store) == demo


def test_identity_is_of_the_samples_alone(pictures: Path, store: Store) -> None:
    before = {picture.sha256 for picture in datasets.load(str(pictures), store).pictures}
    moved = pictures.parent / "moved"
    shutil.move(pictures, moved)
    rgb, _ = read_picture(moved / "chelsea.png")
    (moved / "chelsea.png").unlink()
    (moved / "renamed.ppm").write_bytes(b"P6\n96 64\n255\n" + rgb.tobytes())
    after = datasets.load(str(moved), store)
    assert {picture.sha256 for picture in after.pictures} == before
    assert [picture.name for picture in after.pictures] == ["coffee", "renamed"]


def test_a_changed_file_is_read_again(pictures: Path, store: Store) -> None:
    before = datasets.load(str(pictures), store)
    rgb, _ = read_picture(pictures / "coffee.png")
    write_png(pictures / "coffee.png", 255 - rgb)
    after = datasets.load(str(pictures), store)
    assert before.pictures[0] == after.pictures[0]
    assert before.pictures[1].sha256 != after.pictures[1].sha256


def test_damaged_pictures_are_failures_and_the_rest_is_used(pictures: Path, store: Store) -> None:
    (pictures / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    loaded = datasets.load(str(pictures), store)
    assert [picture.name for picture in loaded.pictures] == ["chelsea", "coffee"]
    assert [(failed.picture, failed.stage) for failed in loaded.failed] == [("bad", "read")]
    assert "bad.png: cannot be decoded" in loaded.failed[0].error


def test_picking(pictures: Path, store: Store) -> None:
    assert [p.name for p in datasets.load(str(pictures), store, ["cof*"]).pictures] == ["coffee"]
    assert [p.name for p in datasets.load(str(pictures), store, ["*.png"], limit=1).pictures] == ["chelsea"]
    with pytest.raises(UsageError, match="matches no picture"):
        datasets.load(str(pictures), store, ["x*"])


def test_refusals(tmp_path: Path, pictures: Path, store: Store) -> None:
    with pytest.raises(UsageError, match=r"--set nosuch: is neither a set \(demo, test, synthetic, hdr, kodak\) nor a folder"):
        datasets.load("nosuch", store)
    with pytest.raises(DataSetMissing, match="there is no such folder"):
        datasets.load(str(tmp_path / "absent"), store)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataSetMissing, match="there are no pictures in it"):
        datasets.load(str(tmp_path / "empty"), store)
    with pytest.raises(UsageError, match=r"is a file; name the folder"):
        datasets.load(str(pictures / "coffee.png"), store)
    shutil.copy(pictures / "coffee.png", pictures / "coffee.PNG")
    with pytest.raises(UsageError, match=r"two pictures are called 'coffee': coffee\.PNG and coffee\.png"):
        datasets.load(str(pictures), store)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("demo: [", "no valid YAML"),
        ("- a", "no valid YAML mapping"),
        ("a: {folder: x}", "a.about: Field required"),
        ("a: {about: x, folder: y, colour: z}", "a.colour: Extra inputs are not permitted"),
        ("a: {about: x, folder: y, count: 2, list: z.csv}", "a: Value error, has more than one of pictures, list and count"),
    ],
)
def test_broken_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store: Store, text: str, says: str) -> None:
    path = tmp_path / "sets.yaml"
    path.write_text(text)
    monkeypatch.setenv("CTC_DATASETS", str(path))
    with pytest.raises(UsageError, match=says):
        datasets.load("a", store)


@pytest.mark.usefixtures("pictures")
def test_sets_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store: Store) -> None:
    path = tmp_path / "sets.yaml"
    mine = "mine: {about: two, folder: pictures, pictures: [coffee.png, chelsea.png]}\n"
    mine += "most: {about: x, folder: pictures, pictures: [coffee.png, a.png]}"
    path.write_text(mine + "\ngone: {about: x, folder: p, pictures: [a.png]}\n")
    monkeypatch.setenv("CTC_DATASETS", str(path))
    assert [picture.name for picture in datasets.load("mine", store).pictures] == ["coffee", "chelsea"]
    with pytest.raises(DataSetMissing, match=r"set most: 1 of 2 pictures is missing in .*: a\.png; "):
        datasets.load("most", store)
    with pytest.raises(
        DataSetMissing, match=r"set gone: all 1 pictures are missing, there is no folder .*/p; if they are elsewhere: gone=FOLDER"
    ):
        datasets.load("gone", store)

"""Lock files of an anchor: what one laboratory writes, another shows that it has the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ctc.picturefiles import read_picture, write_png
from ctc.pixels import sample_hash
from ctc.store import file_hash
from tests.conftest import Ctc

RATES = ("--rates", "0.5,1")


@pytest.fixture
def lock(ctc: Ctc, pictures: Path, tmp_path: Path) -> Path:
    ended = ctc("anchors", "lock", "--codec", "jpeg", "--data", pictures, *RATES, "--out", "jpeg.lock.csv", "--cache", "mine")
    assert ended.status == 0, ended.err
    return tmp_path / "jpeg.lock.csv"


def rewrite(lock: Path, alter: Callable[[pd.DataFrame], None]) -> None:
    heading, _, rest = lock.read_text().partition("\n")
    table = pd.read_csv(lock, comment="#", dtype=str)
    alter(table)
    lock.write_text(f"{heading}\n{table.to_csv(index=False)}")
    assert rest


def test_a_lock_says_what_a_person_finds_by_hand(ctc: Ctc, pictures: Path, lock: Path, tmp_path: Path) -> None:
    text = lock.read_text()
    assert text.startswith("# An anchor, locked by `ctc anchors lock`.")
    table = pd.read_csv(lock, comment="#")
    assert len(table) >= 3
    for line in table.itertuples():
        picture = pictures / f"{line.picture}.png"
        rgb = read_picture(picture)[0]
        assert line.picture_sha256 == sample_hash(rgb)
        ctc("encode", picture, "b", "--codec", line.codec, "--setting", line.setting)
        ctc("decode", "b", "d.png", "--codec", line.codec, "--size", f"{rgb.shape[1]}x{rgb.shape[0]}")
        assert (line.bytes, line.bitstream_sha256) == ((tmp_path / "b").stat().st_size, file_hash(tmp_path / "b"))
        assert line.decoded_sha256 == sample_hash(read_picture(tmp_path / "d.png")[0])
        assert "libjpeg-turbo" in line.version


def test_another_laboratory_verifies_it(ctc: Ctc, pictures: Path, lock: Path) -> None:
    for path in list(pictures.iterdir()):
        path.rename(path.with_name(f"renamed-{path.name}"))
    ended = ctc("anchors", "verify", "--lock", lock, "--data", pictures, "--cache", "theirs")
    assert ended.status == 0, ended.out + ended.err
    assert "the same in bytes, bitstream_sha256, decoded_sha256" in ended.out
    fewer = ctc("anchors", "verify", "--lock", lock, "--data", pictures, "--cache", "theirs", "--limit", "1")
    assert fewer.status == 0
    assert "locked, but not among the pictures here: coffee" in fewer.out


@pytest.mark.parametrize("column", ["bytes", "bitstream_sha256", "decoded_sha256", "setting"])
def test_an_altered_line_is_found(ctc: Ctc, pictures: Path, lock: Path, column: str) -> None:
    def alter(table: pd.DataFrame) -> None:
        old = table.loc[0, column]
        table.loc[0, column] = str(int(old) + 1) if old.isdigit() else f"{'0' if old[0] != '0' else '1'}{old[1:]}"

    rewrite(lock, alter)
    ended = ctc("anchors", "verify", "--lock", lock, "--data", pictures, "--out", "out")
    assert ended.status == 1
    wrong = ("bytes", "bitstream_sha256", "decoded_sha256") if column == "setting" else (column,)
    assert f"other in {', '.join(wrong)}" in ended.out


def test_another_version_with_the_same_output_is_noted(ctc: Ctc, pictures: Path, lock: Path) -> None:
    rewrite(lock, lambda table: table.__setitem__("version", "libjpeg-turbo of another time"))
    ended = ctc("anchors", "verify", "--lock", lock, "--data", pictures)
    assert ended.status == 0
    assert "calls itself another version than that of the lock" in ended.out
    assert "libjpeg-turbo of another time" in ended.out


def test_another_codec_is_not_the_same(ctc: Ctc, pictures: Path, lock: Path) -> None:
    ended = ctc("anchors", "verify", "--lock", lock, "--data", pictures, "--codec", "jpeg-444")
    assert ended.status == 1
    assert "not shown to be the same anchor: 0 of" in ended.out


def test_other_samples_under_a_locked_name(ctc: Ctc, pictures: Path, lock: Path) -> None:
    write_png(pictures / "coffee.png", np.full((40, 40, 3), 7, np.uint8))
    ended = ctc("anchors", "verify", "--lock", lock, "--data", pictures)
    assert ended.status == 1
    assert "failed: coffee: read: its samples are not those of the locked picture of this name" in ended.out


def test_what_is_no_lock_is_refused(ctc: Ctc, pictures: Path, lock: Path, tmp_path: Path) -> None:
    (tmp_path / "other").write_text("a,b\n1,2\n")
    (tmp_path / "empty").write_text(lock.read_text().splitlines()[1] + "\n")
    for name, says in (("other", "not a lock file with the columns picture,"), ("empty", "there is no point in it")):
        ended = ctc("anchors", "verify", "--lock", name, "--data", pictures)
        assert (ended.status, len(ended.err.strip().splitlines())) == (2, 1)
        assert says in ended.err
    rewrite(lock, lambda table: table.__setitem__("setting", "101"))
    ended = ctc("anchors", "verify", "--lock", lock, "--data", pictures)
    assert ended.status == 2
    assert "101 is no quality of jpeg, which goes from 1 to 100" in ended.err
    rewrite(lock, lambda table: table.__setitem__("target_bpp", "0"))
    ended = ctc("anchors", "verify", "--lock", lock, "--data", pictures)
    assert ended.status == 2
    assert "rates and bytes are above 0" in ended.err
    rewrite(lock, lambda table: table.__setitem__("target_bpp", "0.5"))
    rewrite(lock, lambda table: table.__setitem__("setting", "72.5"))
    ended = ctc("anchors", "verify", "--lock", lock, "--data", pictures)
    assert ended.status == 2
    assert "72.5 is no quality of jpeg, which goes from 1 to 100 in whole numbers" in ended.err


def test_no_lock_is_written_where_something_failed(ctc: Ctc, pictures: Path, tmp_path: Path) -> None:
    (pictures / "torn.png").write_bytes(b"\x89PNG\r\n\x1a\n torn")
    ended = ctc("anchors", "lock", "--codec", "jpeg", "--data", pictures, *RATES, "--out", "torn.csv")
    assert ended.status == 1
    assert "failed: torn: read: " in ended.out
    assert "torn.csv was not written" in ended.err
    assert not (tmp_path / "torn.csv").exists()


def test_a_lock_of_deep_pictures_names_what_coded_them(ctc: Ctc, pictures: Path, tmp_path: Path) -> None:
    deep = tmp_path / "deep"
    deep.mkdir()
    write_png(deep / "chelsea.png", read_picture(pictures / "chelsea.png")[0].astype(np.uint16) * 257 + 1)
    lock_it = ("anchors", "lock", "--codec", "jpeg2000", "--data", deep, "--rates", "1", "--out", "deep.lock.csv")
    assert ctc(*lock_it).status == 0
    ended = ctc("anchors", "verify", "--lock", "deep.lock.csv", "--data", deep)
    assert ended.status == 0, ended.err
    here, there = (line.split(maxsplit=1)[1] for line in ended.out.splitlines() if line.startswith(("  here", "  there")))
    assert there == f"jpeg2000: {here}"
    assert ", 10 bits, " in here
    assert "  PSNR (dB)  " in ended.out

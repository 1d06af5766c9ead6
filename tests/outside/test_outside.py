"""Points made elsewhere: the official layout scored here, official summaries, and both beside a run's own points."""

from __future__ import annotations

import csv
import math
import shutil
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

from ctc.official import names_in_files, reconstruction_stem, split_name
from ctc.picturefiles import write_png
from ctc.plan import Options
from ctc.report.as_summary import METRICS, REPORTS
from ctc.report.tables import POINT_COLUMNS
from ctc.single import decode, encode
from ctc.summaryfile import read_summary
from run_ctc import run
from tests.campaigns import made
from tests.conftest import Ctc

CODECS = ("jpeg", "hevc-x265")
METRICS_HERE = ("psnr_y", "psnr_hvs", "fsim")
CHOSEN = ("--metrics", ",".join(METRICS_HERE))
RATES = (0.5, 0.75, 1.0, 1.5)
KEYS = ["codec", "picture", "target_bpp"]
SAME = [*KEYS, "bytes", "bpp", "deviation", "decoded_sha256", "psnr_y", "psnr_hvs", "fsim"]


@dataclass(frozen=True)
class Made:
    """A run of jpeg and hevc-x265, and its points made again by hand in the official layout."""

    pictures: Path
    store: Path
    out: Path
    laboratory: Path


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Made:
    from skimage import data

    root = tmp_path_factory.mktemp("once")
    whole = Made(root / "pictures", root / "store", root / "own", root / "laboratory")
    whole.pictures.mkdir()
    write_png(whole.pictures / "chelsea.png", data.chelsea()[100:164, 150:246])
    write_png(whole.pictures / "coffee.png", data.coffee()[150:203, 200:261])
    run(Options(str(whole.pictures), whole.out, whole.store, codecs=CODECS, anchor="jpeg", metrics=METRICS_HERE, target_bpps=RATES))
    for point in pd.read_csv(whole.out / "points.csv").query("status == 'ok'").itertuples():
        folder = whole.laboratory / point.codec
        (folder / "bit").mkdir(parents=True, exist_ok=True)
        (folder / "rec").mkdir(exist_ok=True)
        size = {"chelsea": "96x64", "coffee": "61x53"}[point.picture]
        rate = f"{round(100 * point.target_bpp):03d}"
        bitstream = folder / "bit" / f"{point.codec}_{point.picture}_{rate}.bits"
        encode(whole.pictures / f"{point.picture}.png", bitstream, point.codec, point.setting)
        decode(bitstream, folder / "rec" / f"{point.codec}_{point.picture}_{size}_8bit_sRGB_{rate}.png", point.codec, size, 8)
    return whole


@pytest.fixture
def laboratory(once: Made, tmp_path: Path) -> Path:
    """A copy that a test may spoil."""
    return Path(shutil.copytree(once.laboratory, tmp_path / "laboratory"))


def ok_points(out: Path) -> pd.DataFrame:
    points = pd.read_csv(out / "points.csv").query("status == 'ok'")
    return points[SAME].sort_values(KEYS).reset_index(drop=True)


def bd_rates_of(out: Path) -> pd.Series:
    table = pd.read_csv(out / "bd.csv").dropna(subset="bd_rate_percent")
    return table.set_index(["codec", "metric", "picture"]).bd_rate_percent.sort_index()


def test_a_run_laid_out_officially_scores_as_the_run(ctc: Ctc, once: Made, tmp_path: Path) -> None:
    arguments = ("--data", once.pictures, *CHOSEN, "--anchor", "jpeg", "--out", "scored", "--cache", "empty")
    scored = ctc("score", once.laboratory, *arguments)
    assert scored.status == 0, scored.err
    assert "jpeg: not made here: bitstreams and reconstructions of laboratory, scored here" in scored.out
    assert "0 encodes, 0 decodes and " in scored.out
    pd.testing.assert_frame_equal(ok_points(tmp_path / "scored"), ok_points(once.out), check_exact=True)
    rates = [bd_rates_of(out) for out in (once.out, tmp_path / "scored")]
    assert len(rates[0])
    pd.testing.assert_series_equal(*rates, check_exact=True)
    # Of the run's codecs it is known that they are not learned, of those of a folder nothing is.
    tables = [pd.read_csv(out / "validity.csv") for out in (once.out, tmp_path / "scored")]
    validity = [table.query("codec == 'jpeg' and complete == 'holds'") for table in tables]
    assert [set(table.interop) for table in validity] == [{"does not apply"}, {"not run"}]
    assert validity[1].interop_reason.str.startswith("nothing is known of how it computes").all()


def test_external_points_beside_those_of_a_run(ctc: Ctc, once: Made, laboratory: Path, tmp_path: Path) -> None:
    (laboratory / "jpeg").rename(laboratory / "lab-jpeg")
    shutil.rmtree(laboratory / "hevc-x265")
    sets = ("--set", once.pictures, "--cache", once.store, "--rates", ",".join(map(str, RATES)))
    ended = ctc("run", *sets, "--codecs", "jpeg", "--anchor", "jpeg", *CHOSEN, "--external", laboratory, "--out", "b")
    assert ended.status == 0, ended.err
    # Equal samples are scored once, whoever made them.
    assert "0 encodes, 0 decodes and 0 scores made" in ended.out
    joined = ok_points(tmp_path / "b")
    ours, theirs = (joined[joined.codec == codec].drop(columns="codec").reset_index(drop=True) for codec in ("jpeg", "lab-jpeg"))
    pd.testing.assert_frame_equal(ours, theirs, check_exact=True)
    bd = pd.read_csv(tmp_path / "b" / "bd.csv").query("codec == 'lab-jpeg' and status == 'ok'")
    assert (bd.bd_rate_percent.abs() < 1e-9).all()
    assert "lab-jpeg: not made here" in (tmp_path / "b" / "table.md").read_text()


def test_a_summary_that_was_imported_gives_the_points_of_the_run(ctc: Ctc, once: Made, tmp_path: Path) -> None:
    ended = ctc("import", once.out / "summary.txt", "--data", once.pictures, "--anchor", "jpeg", "--out", "imported")
    assert ended.status == 0, ended.err
    assert "0 encodes, 0 decodes and 0 scores made" in ended.out
    assert "within the tolerance of the official values" not in ended.out
    columns = [name for name in SAME if name != "decoded_sha256"]
    given, back = (ok_points(out)[columns] for out in (once.out, tmp_path / "imported"))
    pd.testing.assert_frame_equal(given, back, rtol=1e-9, check_exact=False)
    assert given.bytes.equals(back.bytes)
    columns = pd.read_csv(tmp_path / "imported" / "points.csv", nrows=0).columns
    assert set(columns) - set(POINT_COLUMNS) == {"psnr_y", "psnr_hvs", "fsim"}
    assert "--anchor names another" not in ended.out
    other = ctc("import", once.out / "summary.txt", "--data", once.pictures, "--anchor", "hevc-x265", "--out", "other")
    assert other.status == 0, other.err
    assert set(pd.read_csv(tmp_path / "other" / "bd.csv").anchor) == {"hevc-x265"}
    unasked = ctc("import", once.out / "summary.txt", "--data", once.pictures, "--out", "unasked")
    assert "BD-rates compare with jpeg, the first codec there is: values of summary.txt; --anchor names another\n" in unasked.out
    assert (tmp_path / "unasked" / "bd.csv").read_bytes() == (tmp_path / "imported" / "bd.csv").read_bytes()
    unknown = ctc("import", once.out / "summary.txt", "--data", once.pictures, "--anchor", "jpeg2000", "--out", "unknown")
    assert unknown.status == 2
    assert unknown.err == "ctc: --anchor jpeg2000: the summaries have jpeg, hevc-x265; published are published:vvc\n"
    assert not (tmp_path / "unknown").exists()
    nameless = ctc("import", once.out / "summary.txt")
    assert nameless.status == 2
    assert "the size of chelsea is not in its name; give the pictures with --data FOLDER" in nameless.err


def test_what_is_missing_or_broken_is_told(ctc: Ctc, once: Made, laboratory: Path, tmp_path: Path) -> None:
    jpeg = laboratory / "jpeg"
    (jpeg / "bit" / "jpeg_chelsea_075.bits").unlink()
    (jpeg / "rec" / "jpeg_chelsea_96x64_8bit_sRGB_100.png").unlink()
    (jpeg / "rec" / "jpeg_chelsea_96x64_8bit_sRGB_150.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    shutil.rmtree(laboratory / "hevc-x265")
    for path in (*(jpeg / "bit").glob("*coffee*"), *(jpeg / "rec").glob("*coffee*")):
        path.unlink()
    ended = ctc("score", laboratory, "--data", once.pictures, *CHOSEN, "--out", "out")
    assert ended.status == 1
    points = pd.read_csv(tmp_path / "out" / "points.csv", keep_default_na=False)
    reasons = {(point.picture, point.target_bpp): (point.status, point.reason) for point in points.itertuples()}
    assert reasons["chelsea", 0.5][0] == "ok"
    assert reasons["chelsea", 0.75] == ("failed", "read: there is no bitstream, so its rate is unknown")
    assert reasons["chelsea", 1.0] == ("failed", "read: there is a bitstream, but no reconstruction")
    assert reasons["chelsea", 1.5][1].startswith("read: jpeg_chelsea_96x64_8bit_sRGB_150.png: cannot be decoded")
    assert {reasons["coffee", rate] for rate in (0.5, 0.75, 1.0, 1.5)} == {("absent", "neither bitstream nor reconstruction is there")}


def test_wrong_use(ctc: Ctc, pictures: Path, tmp_path: Path) -> None:
    for codec, name in (("a", "a_chelsea_025"), ("b", "b_other_025"), ("c", "chelsea"), ("d", "d_chelsea_000")):
        for kind, suffix in (("bit", "bits"), ("rec", "png")):
            (tmp_path / f"of-{codec}" / codec / kind).mkdir(parents=True)
            (tmp_path / f"of-{codec}" / codec / kind / f"{name}.{suffix}").write_bytes((pictures / "chelsea.png").read_bytes())
    (tmp_path / "notes.txt").write_text("one line of prose\n")
    (tmp_path / "only").mkdir()
    shutil.copytree(tmp_path / "of-a" / "a", tmp_path / "of-jpeg" / "jpeg")
    for arguments, status, says in (
        (("score", "of-a"), 2, "is it a folder in the official layout? Then give the originals with --data"),
        (("score", "of-a", "--out", "x"), 2, "--out: only with --data"),
        (("score", "of-a", "--data", pictures, "--csv", "x.csv"), 2, "--csv: not with --data"),
        (("score", "of-a", "--data", "gone"), 4, "--data gone: there is no such folder"),
        (("score", "only", "--data", pictures), 4, "there is no CODEC/bit with CODEC/rec in it"),
        (("score", "of-b", "--data", pictures), 2, "its files name none of the pictures given, but other"),
        (("score", "of-c", "--data", pictures), 2, "chelsea is not named CODEC_PICTURE_RATE"),
        (("score", "of-d", "--data", pictures), 2, "d_chelsea_000 is not named d_PICTURE_RATE"),
        (("import", "notes.txt"), 2, "notes.txt, line 1: 1 cells with tabs between where 19 are expected"),
        (("import", "gone.txt"), 4, "gone.txt: there is no such file"),
        (("run", "--set", pictures, "--codecs", "jpeg", "--external", "of-jpeg"), 2, "there are two codecs called jpeg: rename the folder"),
    ):
        ended = ctc(*arguments)
        assert (ended.status, len(ended.err.strip().splitlines())) == (status, 1), ended.err
        assert says in ended.err


def test_a_summary_read_back_is_what_was_written(tmp_path: Path) -> None:
    whole = made({"VTM": 1.0, "hevc-x265": 0.8}, metrics=METRICS)
    path = tmp_path / "summary.txt"
    path.write_bytes(REPORTS[0].render(whole))
    found = {(line.codec, line.picture, line.target_bpp): line for line in read_summary(path)}
    assert len(found) == len(whole.scored) == 30
    for point in whole.scored:
        line = found[point.place]
        assert line.bpp == pytest.approx(point.coded.bpp, rel=1e-9)
        assert line.values == pytest.approx({score.metric: score.value for score in point.scores}, rel=1e-9)
        assert line.repeatable is True


def test_sentinels_of_a_summary_are_undone(tmp_path: Path) -> None:
    numbers = ["0.97", "0.96", "100", "40", "41", "None", "-100", "0.1", "0.95", "80", "100"]
    lines = [
        ["VM_00001_TE_2096x1400_8bit_sRGB_025.png", "0.2501", *numbers, "28.1", "0.3", "None", "0.9", "None", "mismatch"],
        ["No_rec_for_00001_TE_2096x1400_8bit_sRGB_RATE050", "-1", *["-1"] * 11, *["None"] * 5, "mismatch"],
        ["No_rec_for_00001_TE_2096x1400_8bit_sRGB_RATE025", "-1", *["-1"] * 11, *["None"] * 5, "mismatch"],
        ["JAI_00001_TE_2096x1400_8bit_sRGB_050.png", "0.5", *numbers, *["None"] * 5],
    ]
    path = tmp_path / "s.txt"
    with path.open("w", newline="") as file:
        csv.writer(file, delimiter="\t", lineterminator="\n").writerows(lines)
    first, second, third, fourth = read_summary(path)
    assert (first.codec, first.picture, first.target_bpp, first.repeatable) == ("VM", "00001_TE_2096x1400_8bit_sRGB", 0.25, False)
    assert first.values["psnr_y"] == first.values["psnr_hvs"] == math.inf
    assert first.values["vif"] is None
    assert "fsim" not in first.values
    assert (second.codec, second.target_bpp, second.bpp) == ("VM", 0.5, None)
    assert (third.codec, fourth.codec, fourth.repeatable) == ("JAI", "JAI", None)


@pytest.mark.parametrize(
    ("stem", "codec", "parts"),
    [
        ("VTM_00005_TE_1336x872_8bit_sRGB_006", "", ("VTM", "00005_TE_1336x872_8bit_sRGB", 0.06)),
        ("my_codec_kodim01_150", "my_codec", ("my_codec", "kodim01", 1.5)),
        ("jpegai-bop+rvs_kodim01_1200", "", ("jpegai-bop+rvs", "kodim01", 12.0)),
    ],
)
def test_official_names(stem: str, codec: str, parts: tuple[str, str, float]) -> None:
    assert split_name(stem, codec) == parts
    assert reconstruction_stem(*parts) == stem


def test_what_stands_for_a_picture_in_a_name() -> None:
    assert names_in_files("00005_TE_1336x872_8bit_sRGB", 1336, 872, 8)[-1] == "00005_TE"
    assert names_in_files("kodim01.png", 768, 512, 8) == ("kodim01", "kodim01_768x512_8bit_sRGB")

"""`ctc complexity` as a person calls it."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from ctc.records import PartMacs, Picture, PictureMacs
from ctc.report.complexity import COLUMNS, differences
from tests.conftest import Ctc
from tests.test_hdr import write_scene


def test_programs_in_cpu_seconds(ctc: Ctc, pictures: Path, tmp_path: Path) -> None:
    ended = ctc("complexity", "--set", pictures, "--codecs", "jpeg", "--instructions", "no", "--csv", tmp_path / "cost.csv")
    assert ended.status == 0, ended.err
    assert ended.out.startswith("jpeg, whole processes, at ")
    assert ended.out.rstrip().endswith("instructions were not asked for: CPU seconds")
    rows = list(csv.DictReader((tmp_path / "cost.csv").read_text().splitlines()))
    assert tuple(rows[0]) == COLUMNS
    assert [(row["codec"], row["picture"], row["side"]) for row in rows] == [
        ("jpeg", name, side) for name in ("chelsea", "coffee") for side in ("encoder", "decoder")
    ]
    assert "interpreter's start" not in ended.out
    assert {row["target_bpp"] for row in rows} == {"0.25"}
    assert all(float(row["cpu_s"]) > 0 and not row["instructions"] for row in rows)


@pytest.mark.parametrize("codec", ["jpeg", "jpegai-bop"])
def test_no_picture_that_can_be_used(ctc: Ctc, tmp_path: Path, codec: str) -> None:
    (tmp_path / "torn").mkdir()
    (tmp_path / "torn" / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n torn")
    ended = ctc("complexity", "--set", tmp_path / "torn", "--codecs", codec, "--instructions", "no")
    assert (ended.status, ended.out) == (1, "")
    assert ended.err.startswith("cannot be used: a.png: ")


def test_pictures_that_a_codec_cannot_code_are_left_out(ctc: Ctc, pictures: Path, tmp_path: Path) -> None:
    write_scene(pictures / "lamp.exr")
    ended = ctc("complexity", "--set", pictures, "--codecs", "jpeg", "--instructions", "no", "--csv", tmp_path / "cost.csv")
    assert ended.status == 0, ended.err
    assert ended.err == "left out: lamp is HDR (PQ of 10 bits), jpeg codes 8 bits\n"
    rows = list(csv.DictReader((tmp_path / "cost.csv").read_text().splitlines()))
    assert {row["picture"] for row in rows} == {"chelsea", "coffee"}
    alone = ctc("complexity", "--set", pictures, "--images", "lamp*", "--codecs", "jpeg", "--instructions", "no")
    assert (alone.status, alone.out) == (1, "")


@pytest.mark.slow
def test_a_learned_codec(ctc: Ctc, pictures: Path, tmp_path: Path) -> None:
    ended = ctc("complexity", "--set", pictures, "--limit", "1", "--codecs", "jpegai-bop", "--csv", tmp_path / "cost.csv")
    assert ended.status == 0, ended.err
    for said in (
        "kMAC/px over 1 picture at about 0.25 bpp",
        "synthesis luma",
        "maximum: chelsea, 96x64",
        "transposed convolutions count",
        "float16",
    ):
        assert said in ended.out
    rows = list(csv.DictReader((tmp_path / "cost.csv").read_text().splitlines()))
    assert {(row["side"], row["part"]) for row in rows} == {
        *(("encoder", part) for part in ("analysis", "hyper", "context")),
        *(("decoder", part) for part in ("hyper", "context", "synthesis luma", "synthesis chroma")),
    }
    assert "complexity        1 results" in ctc("cache", "show").out


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (("--codecs", "jpgeai-bop"), 2, "unknown codec 'jpgeai-bop': did you mean"),
        (("--set", "no/such"), 4, "there is no such folder"),
        (("--instructions", "maybe"), 2, "'maybe' is not one of"),
        (("--rate", "0"), 2, "Invalid value for '--rate'"),
        (("--csv", "no/such/file.csv"), 2, "is a folder or lies in none"),
    ],
)
def test_wrong_use(ctc: Ctc, arguments: tuple[str, ...], status: int, says: str) -> None:
    ended = ctc("complexity", *arguments)
    assert (ended.status, len(ended.err.strip().splitlines())) == (status, 1)
    assert says in ended.err


def test_every_difference_has_its_reason_and_together_they_are_all_of_it() -> None:
    """For a part of 1000 MACs by formula: 100 in integers, 50 element by element, 30 functional."""
    parts = (PartMacs("decoder", "synthesis luma", 10**6, 85 * 10**4, 1_570_000, 10**5, 5 * 10**5, 10**5, 5 * 10**4, 3 * 10**4),)
    picture = PictureMacs(Picture("set", "a", "/a.png", 10, 10, 8, "RGB", ""), parts, 0.25)
    amounts = [line.split(":")[0].rsplit(" ", 2)[1:] for line in differences("decoder", [picture])]
    assert amounts == [
        ["1.000", "lower"], ["0.500", "lower"], ["0.300", "lower"], ["5.000", "higher"], ["1.000", "higher"], ["0.500", "higher"],
    ]  # fmt: skip
    formula, counter, official = (picture.kmac_per_pixel("decoder", count) for count in ("formula", "flop_counter", "official"))
    assert (formula, counter) == (10.0, 8.5)
    assert official == pytest.approx(10.0 - 0.5 - 0.3 + 5.0 + 1.0 + 0.5)
    missing = PictureMacs(picture.picture, (PartMacs("encoder", "filters", None, 5, 0, 0, 0, 0, 0, 5),), 0.25)
    assert "found by trial" in differences("encoder", [missing])[-1]
    assert missing.kmac_per_pixel("encoder", "formula") is None

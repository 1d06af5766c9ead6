"""Published points: the table that ships, tables of others, official summaries, and a run whose anchor they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ctc.errors import DataSetMissing, UsageError
from ctc.official import size_in_name
from ctc.picturefiles import write_png
from ctc.published.points import load
from ctc.report.as_summary import METRICS
from tests.campaigns import official_anchor
from tests.conftest import Ctc

NAME = "00005_TE_1336x872_8bit_sRGB"


def test_the_shipped_table_is_whole() -> None:
    published = load("vvc")
    assert "anchor_VVC.txt" in published.source
    assert len(published.points) == 250
    assert set(published.metrics) == set(METRICS)
    assert {len(published.of(point.picture)) for point in published.points} == {5}
    for point in published.points:
        # Nine digits of a rate of a whole number of bytes: the same number comes back.
        assert abs(8 * point.bytes / (point.width * point.height) - point.bpp) <= 5.1e-10


def test_values_are_in_the_columns_that_name_them() -> None:
    # The means that the evaluation of the verification models gives of the anchor at 0.25 bpp.
    points = [point for point in load("vvc").points if point.target_bpp == 0.25]
    means = {metric: np.mean([point.values[metric] for point in points]) for metric in METRICS}
    expected = {
        "msssim": 0.969306, "msssim_iqa": 0.968752, "psnr_y": 32.082713, "psnr_u": 40.156980, "psnr_v": 41.112660, "vif": 0.466239,
        "fsim": 0.992229, "nlpd": 0.183499, "iwssim": 0.961772, "vmaf": 77.919141, "psnr_hvs": 29.513568,
    }  # fmt: skip
    assert means == pytest.approx(expected, abs=6e-7)


def test_a_summary_is_a_table_of_published_points(tmp_path: Path) -> None:
    from ctc.report.as_summary import REPORTS

    path = tmp_path / "anchor.txt"
    path.write_bytes(REPORTS[0].render(official_anchor()))
    of_summary, of_table = (sorted(load(name).points, key=lambda p: (p.picture, p.target_bpp)) for name in (str(path), "vvc"))
    assert [(p.picture, p.target_bpp, p.bytes, p.values) for p in of_summary] == [
        (p.picture, p.target_bpp, p.bytes, pytest.approx(p.values, rel=1e-9)) for p in of_table
    ]


def test_what_is_no_table_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    (tmp_path / "empty.csv").write_text("image,target_bpp_x100,bytes,bpp\n")
    (tmp_path / "nameless.csv").write_text("image,target_bpp_x100,bytes,bpp\nkodim01,006,100,0.1\n")
    (tmp_path / "zero.csv").write_text("image,target_bpp_x100,bytes,bpp\nkodim01_768x512,006,0,0.1\n")
    for name, kind, says in (
        ("hevc", UsageError, "published points are known of vvc"),
        (str(tmp_path / "zero.csv"), UsageError, "rates and bytes are above 0"),
        ("gone.csv", DataSetMissing, "there is no such file"),
        (str(tmp_path / "other.csv"), UsageError, "not a table of published points"),
        (str(tmp_path / "empty.csv"), UsageError, "there are no points in it"),
        (str(tmp_path / "nameless.csv"), UsageError, "the name kodim01 has no size in it"),
    ):
        with pytest.raises(kind, match=says):
            load(name)


@pytest.mark.parametrize(("name", "size"), [(NAME, (1336, 872)), ("kodim01_768x512", (768, 512)), ("a_10x20x", None), ("kodim01", None)])
def test_size_in_a_name(name: str, size: tuple[int, int] | None) -> None:
    assert size_in_name(name) == size


@pytest.fixture
def named(tmp_path: Path) -> Path:
    """A picture called and as large as a published one, one of another size than the published, one that was never published."""
    from skimage import data

    folder = tmp_path / "named"
    folder.mkdir()
    crop = data.coffee()[:120, :160]
    write_png(folder / f"{NAME}.png", np.tile(crop, (8, 9, 1))[:872, :1336])
    write_png(folder / "00006_TE_1544x1120_8bit_sRGB.png", crop)
    write_png(folder / "coffee.png", crop)
    return folder


def test_a_run_against_published_points(ctc: Ctc, named: Path, tmp_path: Path) -> None:
    quick = ("--codecs", "jpeg", "--metrics", "psnr_y,psnr_hvs_m", "--out", "out")
    ended = ctc("run", "--set", named, "--anchor", "published:vvc", *quick)
    assert ended.status == 0, ended.err
    assert "Anchor published:vvc: published values, not coded here: VTM-11.1" in ended.out
    points = pd.read_csv(tmp_path / "out" / "points.csv")
    published = points[points.codec == "published:vvc"]
    ours = published[published.picture == NAME]
    assert ours.psnr_y.tolist() == [point.values["psnr_y"] for point in load("vvc").of(NAME)]
    assert ours.bytes.tolist() == [8779, 17294, 39417, 76652, 110721]
    assert set(ours.status) == {"ok"}
    assert ours[["setting", "tries", "encode_s", "decoded_sha256", "psnr_hvs_m"]].isna().all(axis=None)
    absent = published[published.picture != NAME]
    assert set(absent.status) == {"absent"}
    assert set(absent.reason) == {
        "no points of this picture were published",
        "the published picture of this name has 1544x1120 samples, not 160x120",
    }
    findings = (tmp_path / "out" / "findings.csv").read_text()
    assert "no point at 0.06, 0.12, 0.25, 0.5, 0.75 bpp of 1 of 3 pictures (coffee): no points of this picture were published" in findings
    assert findings.count("no value of psnr_hvs_m at 0.06, 0.12, 0.25, 0.5, 0.75 bpp: not published") == 1
    for report in ("table.md", "report.html", "run.json"):
        assert "anchor_VVC" in (tmp_path / "out" / report).read_text().replace("\\", "")


def test_published_points_are_of_ten_bits(ctc: Ctc, pictures: Path) -> None:
    ended = ctc("run", "--set", pictures, "--codecs", "jpeg", "--anchor", "published:vvc", "--internal-bits", "8")
    assert ended.status == 2
    assert "its values are of the 10-bit grid" in ended.err

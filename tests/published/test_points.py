"""Published points: the table that ships, tables of others, official summaries, and a run whose anchor they are."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ctc import datasets
from ctc.errors import DataSetMissing, ToolMissing, UsageError
from ctc.official import size_in_name
from ctc.picturefiles import write_png
from ctc.plan import Options, resolve
from ctc.published.points import FOLDER, load
from ctc.records import BD_TARGET_BPPS, TARGET_BPPS
from ctc.report.as_summary import METRICS
from ctc.store import Store
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


def test_whether_the_codec_is_learned_is_known_of_the_shipped_table_alone(tmp_path: Path) -> None:
    shutil.copy(FOLDER / "vvc.csv", tmp_path / "vvc.csv")
    assert (load("vvc").learned, load(str(tmp_path / "vvc.csv")).learned) == (False, None)


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


@pytest.mark.slow
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
    validity = pd.read_csv(tmp_path / "out" / "validity.csv").set_index(["codec", "picture", "target_bpp"])
    of_anchor = validity.loc["published:vvc", NAME, 0.25]
    assert (of_anchor.valid, of_anchor.complete, of_anchor.interop) == ("yes", "holds", "does not apply")
    assert of_anchor.complete_reason == "not asked of psnr_hvs_m: its source does not give it"
    assert "psnr_hvs_m: no BD-rate" not in str(validity.loc["jpeg", NAME, 0.25].overlap_reason)
    for report in ("table.md", "report.html", "run.json"):
        assert "anchor_VVC" in (tmp_path / "out" / report).read_text().replace("\\", "")


def test_published_points_are_of_ten_bits(ctc: Ctc, pictures: Path) -> None:
    ended = ctc("run", "--set", pictures, "--codecs", "jpeg", "--anchor", "published:vvc", "--internal-bits", "8")
    assert ended.status == 2
    assert "its values are of the 10-bit grid" in ended.err


def test_the_published_anchor_is_the_default_of_its_set_alone(named: Path, tmp_path: Path) -> None:
    options = Options(f"test={named}", tmp_path, tmp_path / "store", codecs=("jpeg",), target_bpps=BD_TARGET_BPPS, metrics=("psnr_y",))
    plan = resolve(options)
    assert (plan.anchor, [codec.name for codec in plan.codecs]) == ("published:vvc", ["jpeg"])
    assert plan.anchor_note.startswith("published values, not coded here: VTM-11.1")
    assert resolve(replace(options, codecs=("jpeg", "vvc-vvenc"))).anchor == "published:vvc"
    assert resolve(replace(options, target_bpps=TARGET_BPPS)).anchor == "published:vvc"
    assert resolve(replace(options, anchor="jpeg")).anchor == "jpeg"
    for other, why in (
        (replace(options, internal_bits=8), "which was not run; its published values are of the 10-bit grid"),
        (replace(options, metrics=("psnr_hvs_m",)), "which was not run; psnr_hvs_m of it was not published"),
        (
            replace(options, target_bpps=(0.5, 0.75, 1.0, 1.5)),
            "which was not run; it was published at 2 of the rates, a curve needs 4",
        ),
        (replace(options, dataset=str(named)), "which was not run; not the anchor of the common test conditions"),
        (replace(options, dataset="demo"), "which was not run; not the anchor of the common test conditions"),
    ):
        plan = resolve(other)
        assert plan.anchor == "vvc-vvenc"
        assert f"stands in for vvc-vtm, {why}" in plan.anchor_note


def test_vtm_goes_before_its_published_values(named: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CTC_VTM", str(tmp_path / "nowhere"))
    options = Options(f"test={named}", tmp_path, tmp_path / "store", codecs=("vvc-vtm", "jpeg"), target_bpps=BD_TARGET_BPPS)
    with pytest.raises(ToolMissing, match="VTM is missing"):
        resolve(options)


def test_a_folder_of_published_pictures_is_told_of_their_anchor(named: Path, tmp_path: Path) -> None:
    options = Options(str(named), tmp_path, tmp_path / "store", codecs=("jpeg",), target_bpps=BD_TARGET_BPPS, metrics=("psnr_y",))
    plan, every = resolve(options), datasets.load(str(named), Store(options.cache)).pictures
    (published,) = (picture for picture in every if picture.name == NAME)
    assert "the pictures are of a set whose anchor is published: --anchor published:vvc" in plan.on([published]).anchor_note
    assert plan.on(every).anchor_note == plan.anchor_note
    assert resolve(replace(options, anchor="jpeg")).on([published]).anchor_note.count("published") == 0
    assert resolve(replace(options, internal_bits=8)).on([published]).anchor_note.count("published") == 0


def test_scores_of_eight_bits_are_not_compared_with_the_published_ones_unasked(ctc: Ctc, named: Path, tmp_path: Path) -> None:
    laboratory = tmp_path / "laboratory" / "ours" / "rec"
    laboratory.mkdir(parents=True)
    (laboratory.parent / "bit").mkdir()
    (laboratory.parent / "bit" / "ours_00005_TE_025.bits").write_bytes(bytes(36000))
    (tmp_path / "one").mkdir()
    shutil.copy(named / f"{NAME}.png", tmp_path / "one")
    shutil.copy(named / f"{NAME}.png", laboratory / f"ours_{NAME}_025.png")
    chosen = ("--metrics", "psnr_y", "--data", tmp_path / "one", "--out", "out")
    ended = ctc("score", tmp_path / "laboratory", *chosen, "--internal-bits", "8")
    assert "Anchor ours: not coded here" in ended.out, ended.err
    assert "published:vvc" not in ended.out
    assert "published:vvc" in ctc("score", tmp_path / "laboratory", *chosen).out

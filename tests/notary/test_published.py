"""`ctc anchors verify` against published points. The points are of settings that no search would choose by itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ctc import plugins
from ctc.notary.verdict import Compared, Verdict
from ctc.picturefiles import read_picture
from ctc.pixels import metric_codes
from tests.conftest import Ctc

QUALITIES = {"chelsea_96x64": {"025": 22, "050": 61}, "coffee_61x53": {"050": 37}}
OUR_NAMES = {"iw_ssim": "iwssim"}
METRICS = ("psnr_y", "psnr_u", "fsim", "psnr_hvs")

Alter = Callable[[pd.DataFrame], None]


@pytest.fixture
def sized(pictures: Path) -> Path:
    """The pictures with their sizes in their names, as published ones have."""
    for path in list(pictures.iterdir()):
        height, width, _ = read_picture(path)[0].shape
        path.rename(path.with_name(f"{path.stem}_{width}x{height}.png"))
    return pictures


@pytest.fixture
def publish(ctc: Ctc, sized: Path, tmp_path: Path) -> Callable[..., Path]:
    """Writes what another laboratory would publish of `jpeg` at `QUALITIES`, by hand, and altered."""

    def write(alter: Alter = lambda _table: None, points: int | None = None) -> Path:
        rows = []
        for name, rates in QUALITIES.items():
            for rate, quality in rates.items():
                ctc("encode", sized / f"{name}.png", "b", "--codec", "jpeg", "--setting", str(quality))
                ctc("decode", "b", "d.png", "--codec", "jpeg", "--size", name.split("_")[1])
                reference, decoded = read_picture(sized / f"{name}.png")[0], read_picture(tmp_path / "d.png")[0]
                size = (tmp_path / "b").stat().st_size
                bpp = f"{8 * size / (reference.shape[0] * reference.shape[1]):.9f}"
                scores = _scores(reference, decoded)
                rows.append({"image": name, "target_bpp_x100": rate, "bytes": size, "bpp": bpp, **scores})
        table = pd.DataFrame(rows[:points])
        alter(table)
        (tmp_path / "published.csv").write_text("# a laboratory, 2026\n" + table.to_csv(index=False))
        return tmp_path / "published.csv"

    return write


def _scores(reference: np.ndarray, decoded: np.ndarray) -> Mapping[str, str]:
    metrics = [plugins.metrics()[name] for name in METRICS]
    return {m.name: f"{m.score(metric_codes(reference, m.wants), metric_codes(decoded, m.wants), 1023):.8f}" for m in metrics}


def test_every_point_is_found_to_the_byte(ctc: Ctc, sized: Path, publish: Callable[..., Path], tmp_path: Path) -> None:
    ended = ctc("anchors", "verify", "--codec", "jpeg", "--data", sized, "--published", publish(), "--out", "out")
    assert ended.status == 0, ended.out + ended.err
    assert "the same anchor: 3 of 3 points the same in bytes, bpp, psnr_y, psnr_u, fsim, psnr_hvs" in ended.out
    assert "there     a laboratory, 2026" in ended.out
    table = pd.read_csv(tmp_path / "out" / "anchor.csv")
    found = table[table.quantity == "bytes"]
    assert found.setting.tolist() == [22, 61, 37]
    assert (found.here == found.wanted).all()
    assert set(table.status) == {"same"}
    # Published digits end; a value that came from the table itself would differ by nothing.
    assert 0 < table[table.quantity == "psnr_y"].difference.abs().max() < 1e-8
    again = ctc("anchors", "verify", "--codec", "jpeg", "--data", sized, "--published", "published.csv", "--out", "again")
    assert (tmp_path / "again" / "anchor.csv").read_bytes() == (tmp_path / "out" / "anchor.csv").read_bytes()
    assert again.status == 0


def one_byte_more(table: pd.DataFrame) -> None:
    table.loc[1, "bytes"] += 1


def another_psnr(table: pd.DataFrame) -> None:
    table["psnr_y"] = table.psnr_y.astype(float).add([0.0, 0.0009, -0.0011])


def another_bpp(table: pd.DataFrame) -> None:
    table["bpp"] = table.bpp.astype(float).add([0.0, 0.0, 1e-6])


def beyond_the_codec(table: pd.DataFrame) -> None:
    table.loc[2, "bytes"] = 1_000_000


@pytest.mark.parametrize(
    ("alter", "says", "others"),
    [
        (one_byte_more, "other: bytes; no setting gives the published bytes; this one comes nearest", [(0.5, "bytes")]),
        (another_psnr, "psnr_y 3 +1.1e-03 1e-03 coffee_61x53 at 0.5 bpp other at 1", [(0.5, "psnr_y")]),
        (another_bpp, "-1.0e-06", [(0.5, "bpp")]),
        (beyond_the_codec, "the highest rate, at quality 100, is", [(0.5, "bytes")]),
    ],
)
@pytest.mark.slow
def test_what_differs_is_found_and_said(
    ctc: Ctc, sized: Path, publish: Callable[..., Path], tmp_path: Path, alter: Alter, says: str, others: list[tuple[float, str]]
) -> None:
    ended = ctc("anchors", "verify", "--codec", "jpeg", "--data", sized, "--published", publish(alter), "--out", "out")
    assert ended.status == 1, ended.out + ended.err
    assert says in " ".join(ended.out.split())
    assert "not shown to be the same anchor: 2 of 3 points" in ended.out
    table = pd.read_csv(tmp_path / "out" / "anchor.csv")
    rows = table[table.status == "other"]
    assert list(zip(rows.target_bpp, rows.quantity, strict=True)) == others
    assert "not shown to be the same anchor" in (tmp_path / "out" / "anchor.md").read_text()


@pytest.mark.slow
def test_a_missed_point_shows_the_nearest_setting(ctc: Ctc, sized: Path, publish: Callable[..., Path], tmp_path: Path) -> None:
    ctc("anchors", "verify", "--codec", "jpeg", "--data", sized, "--published", publish(one_byte_more), "--out", "out")
    table = pd.read_csv(tmp_path / "out" / "anchor.csv")
    (missed,) = table[table.status == "other"].itertuples()
    assert (missed.setting, float(missed.difference)) == (61, -1)


def test_pictures_that_were_not_published_are_said(ctc: Ctc, sized: Path, publish: Callable[..., Path]) -> None:
    publish(points=2)
    ended = ctc("anchors", "verify", "--codec", "jpeg", "--data", sized, "--published", "published.csv", "--metrics", "psnr_y")
    assert ended.status == 0, ended.err
    assert "left out, no points of this picture were published: coffee_61x53" in ended.out
    assert "psnr_u" not in ended.out
    limited = ctc("anchors", "verify", "--codec", "jpeg", "--data", sized, "--published", "published.csv", "--images", "coffee*")
    assert limited.status == 4
    assert "no points of its pictures were published" in limited.err


def test_a_failing_codec_is_a_failure_not_a_difference(
    ctc: Ctc, sized: Path, publish: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    from ctc.errors import ToolFailed

    table = publish()

    def fails(*_arguments: object) -> None:
        raise ToolFailed("the encoder fell over")

    monkeypatch.setattr(plugins.codecs()["jpeg"], "encode", fails)
    ended = ctc("anchors", "verify", "--codec", "jpeg", "--data", sized, "--published", table, "--cache", "empty")
    assert ended.status == 1
    assert "failed: coffee_61x53 at 0.5 bpp: encode: the encoder fell over" in ended.out
    assert "nothing was compared; 3 failures" in ended.out


def test_wrong_use(ctc: Ctc, sized: Path) -> None:
    for arguments, status, says in (
        (("--codec", "jpeg"), 2, "--set NAME or --data FOLDER, one of the two"),
        (("--codec", "jpeg", "--data", "gone"), 4, "--data gone: there is no such folder"),
        (("--codec", "jpg", "--data", sized), 2, "unknown codec 'jpg'"),
        (("--codec", "jpeg", "--data", sized, "--published", "hevc"), 2, "published points are known of vvc"),
        (("--codec", "jpeg", "--data", sized, "--metrics", "vmaf_neg"), 2, "--metrics vmaf_neg: published are msssim"),
        (("--codec", "jpeg", "--data", sized, "--lock", "x", "--published", "vvc"), 2, "leave out --published"),
        (("--lock", "gone", "--data", sized), 4, "--lock gone: there is no such file"),
    ):
        ended = ctc("anchors", "verify", *arguments)
        assert (ended.status, len(ended.err.strip().splitlines())) == (status, 1), ended.err
        assert says in ended.err


def test_what_ships_is_listed(ctc: Ctc) -> None:
    assert "published:vvc          250 points of 50 pictures; VTM-11.1" in ctc("anchors", "list").out


@pytest.mark.parametrize(
    ("here", "wanted", "tolerance", "holds"),
    [
        (1, 1, 0.0, True), (1, 2, 0.0, False), ("ab", "ab", 0.0, True), ("ab", "cd", 0.0, False), (None, 1.0, 9.0, False),
        (1.0, 1.1, 0.2, True), (1.0, 1.3, 0.2, False), (float("nan"), 1.0, 9.0, False), (float("inf"), float("inf"), 1.0, True),
        (float("inf"), 90.0, 1.0, False),
    ],
)  # fmt: skip
def test_a_quantity_beside_another(here: float, wanted: float, tolerance: float, holds: bool) -> None:
    compared = Compared("p", 0.25, 30, "q", here, wanted, tolerance)
    assert compared.holds == holds
    assert (compared.badness <= 1) == holds


def test_nothing_compared_shows_nothing() -> None:
    assert not Verdict("c", "QP", "1", "x", "y", (), (), ()).holds

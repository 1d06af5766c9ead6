"""The parity certificate: official values on pairs that every installation can make, and what happens where they are missed."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ctc import parity, plugins
from ctc.errors import DataSetMissing, MetricUndefined, ToolFailed, UsageError
from ctc.picturefiles import write_png
from ctc.protocols import Codes, Metric, each_alone
from ctc.store import Store
from tests.conftest import Ctc

GOLDEN = Path(__file__).parents[1].parent / "shared" / "golden"


@pytest.mark.parametrize("name", plugins.default_metrics())
def test_official_values_on_the_pairs_that_ship(name: str) -> None:
    (found,) = parity.compare(parity.shipped_pairs(), [plugins.metrics()[name]], "cpu")
    if found.pairs == 0:
        pytest.skip(found.reason)
    assert found.pairs == 9
    assert found.holds, found


def off_by(metric: Metric, error: float) -> Metric:
    return replace(metric, against=each_alone(lambda reference, distorted, peak: metric.score(reference, distorted, peak) + error))


def test_a_metric_that_is_off_does_not_hold() -> None:
    psnr = plugins.metrics()["psnr_y"]
    (found,) = parity.compare(parity.shipped_pairs(), [off_by(psnr, 0.002)], "cpu")
    assert not found.holds
    assert found.largest_difference == pytest.approx(0.002, rel=1e-3)


def test_another_jpeg_library_is_not_taken_for_a_wrong_metric(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parity, "sample_hash", lambda _samples: "0" * 64)
    (found,) = parity.compare(parity.shipped_pairs(), [plugins.metrics()["psnr_y"]], "cpu")
    assert (found.pairs, found.largest_difference, found.holds) == (0, None, False)
    assert "JPEG library" in found.reason


def gives(values: list[float | Exception]) -> Metric:
    """PSNR Y that gives these values, pair by pair."""
    coming = iter(values)

    def score(_reference: Codes, _distorted: Codes, _peak: int) -> float:
        value = next(coming)
        if isinstance(value, Exception):
            raise value
        return value

    return replace(plugins.metrics()["psnr_y"], against=each_alone(score))


def pairs(*golden: tuple[float, float]) -> list[parity.Pair]:
    picture = np.zeros((4, 4, 3), np.uint8)
    return [parity.Pair(f"pair {place}", (picture, picture), {"psnr_y": parity.Golden(*each)}) for place, each in enumerate(golden)]


@pytest.mark.parametrize(
    ("values", "golden", "missed", "largest"),
    [
        ([30.0, math.nan, 30.0], [(30.0, 0.1)] * 3, 1, math.nan),
        ([30.0, MetricUndefined("flat"), 30.0], [(30.0, 0.1)] * 3, 1, 0.0),
        ([ToolFailed("gone"), RuntimeError("defect")], [(30.0, 0.1)] * 2, 2, None),
        ([34.2, 30.0], [(30.0, 0.1), (30.0, 10.0)], 1, 4.2),
        ([30.0, 34.2], [(30.0, 0.1), (30.0, 10.0)], 0, 4.2),
        ([math.inf, 30.0], [(math.inf, 0.1), (30.0, 0.1)], 0, 0.0),
        ([math.inf], [(30.0, 0.1)], 1, math.inf),
    ],
)
def test_each_pair_is_judged_by_its_own_tolerance(
    values: list[float | Exception], golden: list[tuple[float, float]], missed: int, largest: float | None
) -> None:
    (found,) = parity.compare(pairs(*golden), [gives(values)], "cpu")
    assert (found.pairs, found.missed, found.holds) == (len(golden), missed, missed == 0)
    assert found.largest_difference == (None if largest is None else pytest.approx(largest, nan_ok=True))


def test_the_certificate_is_made_once_for_each_version_and_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, metric = Store(tmp_path), plugins.metrics()["psnr_y"]
    first = parity.certificate([metric], ["1"], "cpu", store)
    made = []

    def made_again() -> Iterator[parity.Pair]:
        made.append(1)
        return iter(())

    monkeypatch.setattr(parity, "shipped_pairs", made_again)
    assert parity.certificate([metric], ["1"], "cpu", store) == first
    assert not made
    parity.certificate([metric], ["2"], "cpu", store)
    assert len(made) == 1
    other = replace(parity.machine(), identity="another")
    monkeypatch.setattr(parity, "machine", lambda: other)
    parity.certificate([metric], ["1"], "cpu", store)
    # What could not be compared is not kept.
    parity.certificate([metric], ["1"], "cpu", store)
    assert len(made) == 3


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One pair of 64x48 with its PSNR, computed here from its definition."""
    rng = np.random.default_rng(1)
    reference = rng.integers(0, 256, (48, 64, 3), dtype=np.uint8)
    distorted = np.clip(reference.astype(int) + rng.integers(-9, 10, reference.shape), 0, 255).astype(np.uint8)
    for name, picture in (("a.png", reference), ("b.png", distorted)):
        write_png(tmp_path / name, picture)
    luma = [np.rint(np.rint(rgb / 255 * 1023) @ [0.2126, 0.7152, 0.0722]) for rgb in (reference, distorted)]
    psnr = 10 * np.log10(1023**2 / np.mean((luma[0] - luma[1]) ** 2))
    (tmp_path / "golden.csv").write_text(f"reference,distorted,metric,value,tolerance\na.png,b.png,psnr_y,{psnr},0.01\n")
    return tmp_path


def test_verify_a_folder(ctc: Ctc, folder: Path) -> None:
    ended = ctc("metrics", "verify", "--golden", folder, "--metrics", "psnr_y,psnr_u")
    assert ended.status == 0, ended.err
    assert [line.split()[:2] + line.split()[-1:] for line in ended.out.splitlines()[1:]] == [
        ["psnr_y", "1", "within"],
        ["psnr_u", "0", "hand"],
    ]


def test_verify_says_what_is_off(ctc: Ctc, folder: Path) -> None:
    table = folder / "golden.csv"
    table.write_text(table.read_text().replace(",psnr_y,", ",psnr_y,1"))
    ended = ctc("metrics", "verify", "--golden", folder, "--metrics", "psnr_y")
    assert ended.status == 3
    assert "missed on 1 of 1" in ended.out


def test_a_folder_without_a_table_or_with_a_bad_row(ctc: Ctc, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(DataSetMissing, match=r"golden\.csv: there is no such file"):
        list(parity.pairs_in(tmp_path / "nowhere"))
    (folder / "golden.csv").write_text("reference,distorted,metric,value\na.png,b.png,psnr_y,30\n")
    with pytest.raises(UsageError, match="not a table of"):
        list(parity.pairs_in(folder))
    assert ctc("metrics", "verify", "--golden", folder).status == 2


def test_odd_folders_get_one_line(ctc: Ctc, folder: Path) -> None:
    write_png(folder / "b.png", np.zeros((10, 10, 3), np.uint8))
    ended = ctc("metrics", "verify", "--golden", folder)
    assert (ended.status, "differ in size" in ended.err, len(ended.err.splitlines())) == (1, True, 1)
    (folder / "golden.csv").write_text("reference,distorted,metric,value,tolerance\na.png,b.png,psnrrr,30,1\n")
    ended = ctc("metrics", "verify", "--golden", folder)
    assert (ended.status, "unknown metric 'psnrrr'" in ended.err) == (2, True)
    (folder / "golden.csv").write_bytes(b"\xff\xfe\x00")
    assert ctc("metrics", "verify", "--golden", folder).status == 2


@pytest.mark.skipif(not GOLDEN.is_dir(), reason="no golden values: the folder shared/golden beside the project is absent")
def test_the_shipped_values_are_those_of_the_golden_folder() -> None:
    with (GOLDEN / "golden.csv").open(newline="") as table:
        known = {(row["metric"], row["value"], row["tolerance"]) for row in csv.DictReader(table)}
    with parity.SHIPPED.open(newline="") as table:
        shipped = {(row["metric"], row["value"], row["tolerance"]) for row in csv.DictReader(table)}
    assert shipped <= known


def test_the_pairs_are_what_they_are_called() -> None:
    pair = next(parity.shipped_pairs())
    assert pair.pictures is not None
    reference, distorted = pair.pictures
    coded = io.BytesIO()
    Image.fromarray(reference).save(coded, "JPEG", quality=10)
    assert np.array_equal(np.asarray(Image.open(coded)), distorted)

"""Published tables of configurations: what ships equals the source, what failed there is no value, other files are refused in a line."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from ctc.errors import DataSetMissing, UsageError
from ctc.published.configurations import FOLDER, load, shipped
from ctc.records import AVG, AVG_METRICS, PublishedRow

HEADER = "operating_point,test,avg,msssim_torch,vif,fsim,nlpd,iw_ssim,vmaf,psnr_hvs"
ROW = "BOP,own,-1%,-1%,-1%,-1%,-1%,-1%,-1%,-1%"


def row(table: str, test: str, point: str = "BOP") -> PublishedRow:
    (found,) = [each for each in load(table).rows if (each.test, each.operating_point) == (test, point)]
    return found


def test_what_ships() -> None:
    assert shipped() == ["vm4", "vm5"]
    assert [len(load(name).rows) for name in shipped()] == [20, 6]
    assert all("verification model" in load(name).source and "VTM 11.1" in load(name).notes[0] for name in shipped())


@pytest.mark.parametrize("name", shipped())
def test_the_average_is_that_of_the_seven_as_published(name: str) -> None:
    """Their AVG is of unrounded values: within half a unit of the columns' last digit, which is 1 % in the second table."""
    for each in load(name).rows:
        seven = [value for metric in AVG_METRICS if (value := each.rate(metric)) is not None]
        average = each.rate(AVG)
        assert average is not None
        assert sum(seven) / 7 == pytest.approx(average, abs=0.1 if name == "vm4" else 0.55)


def test_values() -> None:
    found = row("vm4", "v4.4-tools-on-GPU", "HOP")
    assert (found.rate(AVG), found.rate("vmaf"), found.rate("iwssim")) == (-28.6, -43.0, -34.6)
    assert (found.kmac_max, found.kmac_mean, found.time_ratio, found.encode_time) == (230, 221, 0.49, 0.003)
    assert (found.parameters, found.model_bytes, found.largest_deviation) == (1.04e7, 4.14e7, pytest.approx(4.45))
    assert (found.monotone, row("vm4", "v4.4-only-ResVarScale1").monotone) == (True, False)
    branch = row("vm5", "v5.1-Enc1-HOPDec-tools-on-GPU", "HOP")
    assert (branch.encoder, branch.kmac_mean, branch.kmac_max, branch.parameters) == ("Enc1", 216, None, None)


def test_what_failed_in_the_spreadsheet_is_no_value() -> None:
    found = row("vm4", "v4.4-tools-off-GPU-LH")
    assert (found.kmac_max, found.kmac_mean, found.time_ratio) == (None, None, None)
    assert found.unavailable == (("dec_kmac_px_max", "0"), ("dec_kmac_px_avg", "#DIV/0!"), ("dec_time_gpu_x", "#VALUE!"))
    assert 'dec_kmac_px_avg is not available: the published table has "#DIV/0!" there' in found.reason
    lines = [line for line in (FOLDER / "vm4.csv").read_text().splitlines() if not line.startswith("#")]
    failed = sum(cell.startswith("#") for cells in csv.reader(lines) for cell in cells)
    assert failed == sum(text.startswith("#") for each in load("vm4").rows for _, text in each.unavailable) > 0


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text(f"# measured in May\n# on a telephone\n{HEADER}\n{ROW}\n")
    table = load(str(path))
    assert (table.name, table.source, table.notes) == ("mine.csv", "measured in May", ("on a telephone",))
    assert (table.rows[0].rate("psnr_hvs"), table.rows[0].kmac_max) == (-1.0, None)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "there are no rows"),
        (HEADER, "there are no rows"),
        (f"{HEADER}\nBOP,own,-1%\n", "no msssim_torch"),
        (f"{HEADER}\n{ROW.replace('-1%', '-0.01', 1)}\n", "a BD-rate is in per cent"),
        (f"{HEADER}\n{ROW.replace('-1%', 'nan%', 1)}\n", "is not a finite number"),
        (f"{HEADER}\n{ROW.replace('-1%', 'much', 1)}\n", "in per cent"),
        (f"{HEADER},monotonic\n{ROW},perhaps\n", "not a table of configurations"),
        ("test,avg\nown,-1%\n", "no msssim_torch"),
        (f"{HEADER.removeprefix('operating_point,')}\n{ROW.removeprefix('BOP,')}\n", "not a table of configurations"),
        ("\x00", "there are no rows"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "mine.csv"
    path.write_text(text)
    with pytest.raises(UsageError, match=says) as refused:
        load(str(path))
    assert "\n" not in str(refused.value)


def test_names_that_there_are_not(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="known of vm4, vm5"):
        load("vm6")
    with pytest.raises(DataSetMissing, match="no such file"):
        load(str(tmp_path / "none.csv"))
    (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="not a table of configurations"):
        load(str(tmp_path / "bytes.csv"))

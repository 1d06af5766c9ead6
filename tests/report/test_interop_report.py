"""The interoperability matrix in every report of a run that has one, and in none that has not."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import openpyxl  # type: ignore[import-untyped]
import pytest

from ctc import plugins
from ctc.bdrate.tables import bd_rates
from ctc.checks import run_checks
from ctc.records import Campaign
from ctc.report.interop_table import matrix, notes, text_matrix, title
from ctc.report.terminal import terminal_table
from tests.campaigns import made
from tests.interop.matrices import broken_matrix, matrix_of


@pytest.fixture
def campaign() -> Campaign:
    whole = made({"anchor": 1.0, "test": 1.1})
    whole = replace(whole, bd=bd_rates(whole), interop=(matrix_of("test"),))
    return replace(whole, findings=run_checks(whole))


def rendered(campaign: Campaign, file_name: str) -> bytes:
    return next(report for report in plugins.reports().found.values() if report.file_name == file_name).render(campaign)


def test_text() -> None:
    assert matrix(matrix_of("test")) == [
        ["encode \\ decode", "cpu", "rounds <b>", "cuda"],
        ["cpu", "identical", "±1 in 0.30 %, BD 0.012 %", "not run"],
        ["cuda", "not run", "not run", "not run"],
    ]
    text = text_matrix(matrix_of("test"))
    assert text.startswith("test: interoperable as far as it was run, 1 picture at 0.12, 0.25 bpp\n\nencode \\ decode  cpu  ")
    assert "not run: cuda: no CUDA device" in text
    assert "bitstreams of cpu: 2 of 2 are the same a second time" in text


def test_what_is_wrong_is_named() -> None:
    broken = broken_matrix("test")
    assert title(broken).startswith("test: NOT interoperable")
    assert matrix(broken)[1][2] == "BROKEN: luma.scale"
    where = "luma.scale 3 of 9 values differ, first at (0, 1): 5, not 4 (p0, 0.12 bpp); too early"
    assert f"cpu to rounds <b>: {where}" in notes(broken)
    assert matrix(matrix_of("test", 0.51))[1][2].startswith("OFF: ±1")
    assert matrix(matrix_of("test", None, "3 points"))[1][2] == "UNDECIDED: ±1 in 0.30 %, BD ? %"


@pytest.mark.parametrize(
    ("percent", "severities"), [(0.5, []), (-0.5, []), (0.51, ["error"]), (-0.51, ["error"]), (None, ["warning"])], ids=str
)
def test_findings(campaign: Campaign, percent: float | None, severities: list[str]) -> None:
    found = run_checks(replace(campaign, interop=(matrix_of("test", percent, "3 points"),)))
    assert [finding.severity for finding in found if finding.check == "interoperability"] == severities


def test_csv(campaign: Campaign) -> None:
    rows = list(csv.DictReader(io.StringIO(rendered(campaign, "interop.csv").decode(), newline="")))
    assert [(row["encoder"], row["decoder"], row["status"]) for row in rows[:3]] == [
        ("cpu", "cpu", "identical"),
        ("cpu", "rounds <b>", "close"),
        ("cpu", "cuda", "not run"),
    ]
    near = rows[1]
    assert (near["vif_change"], near["psnr_y_change"], near["vif_bd_rate_percent"]) == ("-0.0005", "-0.005", "0.012")
    assert (near["largest_difference"], near["differing_share"], near["integers"]) == ("1", "0.003", "identical")
    assert rows[2]["reason"] == "no CUDA device"


def test_documents(campaign: Campaign) -> None:
    table, page = rendered(campaign, "table.md").decode(), rendered(campaign, "report.html").decode()
    assert "| cpu | identical | ±1 in 0.30 %, BD 0.012 % | not run |" in table
    assert "<td>±1 in 0.30 %, BD 0.012 %</td>" in page
    latex = rendered(campaign, "tables.tex").decode()
    assert r"\caption{Interoperability, test: interoperable as far as it was run, 1 picture at 0.12, 0.25 bpp}" in latex
    assert r"cpu & identical & $\pm$1 in 0.30 \%, BD 0.012 \% & not run \\" in latex
    assert r"\noindent not run: cuda: no CUDA device\par" in latex
    for text in (table, page):
        assert "<b>" not in text.partition("nteroperability")[2].partition("rounds ")[2][:4]
    assert "test: interoperable as far as it was run" in terminal_table(campaign)
    (stored,) = json.loads(rendered(campaign, "run.json"))["interop"]
    assert (stored["codec"], stored["holds"], len(stored["points"])) == ("test", True, 4)
    sheet = openpyxl.load_workbook(io.BytesIO(rendered(campaign, "report.xlsx")))["Interop"]
    assert "no CUDA device" in {cell.value for row in sheet.iter_rows() for cell in row}


def test_a_run_without_a_matrix_shows_none(campaign: Campaign) -> None:
    without = replace(campaign, interop=())
    for file_name in ("table.md", "report.html", "tables.tex"):
        assert "nteroperability" not in rendered(without, file_name).decode()
    assert "Interop" not in openpyxl.load_workbook(io.BytesIO(rendered(without, "report.xlsx"))).sheetnames
    assert rendered(without, "interop.csv").decode().count("\n") == 1
    assert json.loads(rendered(without, "run.json"))["interop"] == []

"""The formulas of report.xlsx: they give what we computed, in a small evaluator of ours and in LibreOffice where there is one."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from statistics import fmean

import openpyxl  # type: ignore[import-untyped]
import pytest

from ctc.bdrate.tables import bd_rates
from ctc.published.configurations import load
from ctc.records import AVG_METRICS, Campaign, CountedCodec, ModelSizes, PartMacs, PictureMacs, TimingFailure
from ctc.records.timing import DECODER, ENCODER
from ctc.report.as_xlsx import XlsxReport
from ctc.report.operating_points import TOOL_COLUMNS, tool_rows
from ctc.report.workbook import column_letters
from ctc.validity import point_validity
from tests.campaigns import changed, failed, find
from tests.report.test_operating_points import EFFICIENCIES, campaign_of, learned
from tests.report.test_timing_report import timing_of

Formulas = list[tuple[str, str, str, float]]
"""(sheet, place, formula, stored value)"""


@pytest.fixture(scope="module", params=["without timing", "with timing", "with timing of two pictures"])
def campaign(request: pytest.FixtureRequest) -> Campaign:
    """With learned codecs, a point that failed, so that a picture has no BD-rates, counts of one codec, and published rows; the same with a
    timing campaign whose times are others than those of coding, and of which a point failed; the same of two of the three pictures."""
    whole = campaign_of(EFFICIENCIES)
    for target in whole.target_bpps[:2]:
        point = find(whole, "bop+cwg", "p1", target)
        whole = replace(changed(whole, point), failed=(*whole.failed, failed(point)))
    whole = replace(whole, bd=bd_rates(whole), beside=(load("vm4"), load("vm5")), counted=(counted(whole, "bop"),))
    whole = replace(whole, validity=point_validity(whole))
    if request.param == "without timing":
        return whole
    factors = {codec: 1.5 + place for place, codec in enumerate(EFFICIENCIES)}
    timing = timing_of(whole, factors, dict.fromkeys(factors, "process"))
    # That which failed is three times as slow: a mean with it would show.
    slow = {("bop", "p2", 0.25, side) for side in (ENCODER, DECODER)}
    samples = tuple(
        replace(sample, stages=tuple(replace(stage, wall_s=3 * stage.wall_s) for stage in sample.stages))
        if (sample.codec, sample.picture, sample.target_bpp, sample.side) in slow
        else sample
        for sample in timing.samples
    )
    if request.param == "with timing of two pictures":
        # What coding took of the third is other than any median: a mean with it would show.
        samples = tuple(sample for sample in samples if sample.picture != "p0")
    return replace(whole, timing=replace(timing, samples=samples, failed=tuple(TimingFailure(*place, "broke") for place in slow)))


def counted(whole: Campaign, codec: str) -> CountedCodec:
    """At two rates, at the higher of which more is computed."""
    counts = tuple(
        PictureMacs(each, (PartMacs("decoder", "hyper", 10**9, 10**9, (2 + place) * factor * 10**9, 0, 0, 0, 0, 0),), rate)
        for rate, factor in ((0.06, 1), (0.5, 3))
        for place, each in enumerate(whole.pictures)
    )
    return CountedCodec(codec, counts, ModelSizes(1, 1, 1, 1, 1, 1, 1, "float16"))


@pytest.fixture(scope="module")
def content(campaign: Campaign) -> bytes:
    return XlsxReport().render(campaign)


@pytest.fixture(scope="module")
def formulas(content: bytes) -> Formulas:
    live, stored = (openpyxl.load_workbook(io.BytesIO(content), data_only=values) for values in (False, True))
    cells = (cell for sheet in live for row in sheet.iter_rows() for cell in row if cell.data_type == "f")
    return [(cell.parent.title, cell.coordinate, cell.value, stored[cell.parent.title][cell.coordinate].value) for cell in cells]


class Evaluator:
    """AVERAGE, MAX and MIN of ranges, AVERAGEIFS of two conditions, IF with >=, and differences: all that our formulas use.

    Text and empty cells are passed over."""

    def __init__(self, content: bytes) -> None:
        self.book = openpyxl.load_workbook(io.BytesIO(content))

    def value(self, sheet: str, formula: str) -> float:
        text = formula.removeprefix("=")
        if branch := re.fullmatch(r"IF\((.*)>=-(.*),(.*),(.*)\)", text):
            high, low, then, otherwise = (self.value(sheet, part) for part in branch.groups())
            return then if high >= -low else otherwise
        if call := re.fullmatch(r"(AVERAGE|MAX|MIN)\((.*)\)", text):
            return {"AVERAGE": fmean, "MAX": max, "MIN": min}[call[1]](list(self.numbers(sheet, call[2])))
        if call := re.fullmatch(r'AVERAGEIFS\(([^,]*),([^,]*),"(.*)",([^,]*),"(.*)"\)', text):
            values, first, second = (self.whole(call[place]) for place in (1, 2, 4))
            return fmean(float(str(a)) for a, b, c in zip(values, first, second, strict=True) if (b, c) == (call[3], call[5]))
        minuend, subtrahend = text.split("-")
        return self.number(sheet, minuend) - self.number(sheet, subtrahend)

    def numbers(self, sheet: str, area: str) -> Iterator[float]:
        name, _, places = area.rpartition("!")
        title = name.strip("'") or sheet
        for (cell,) in self.columns(title, places.replace("$", "")):
            if isinstance(cell.value, int | float) or cell.data_type == "f":
                yield self.number(title, cell.coordinate)

    def whole(self, area: str) -> list[object]:
        """Every cell of a column of another sheet."""
        name, _, places = area.rpartition("!")
        return [cell.value for (cell,) in self.columns(name.strip("'"), places.replace("$", ""))]

    def columns(self, title: str, places: str) -> Iterator[tuple[openpyxl.cell.cell.Cell, ...]]:
        yield from ((cell,) for row in self.book[title][places] for cell in row)

    def number(self, sheet: str, place: str) -> float:
        value = self.book[sheet][place].value
        return self.value(sheet, value) if isinstance(value, str) else float(value)


def test_every_formula_gives_what_we_computed(content: bytes, formulas: Formulas) -> None:
    evaluator = Evaluator(content)
    assert {sheet for sheet, *_ in formulas} == {"Summary", "Tools", "BD by picture"}
    for sheet, place, formula, stored in formulas:
        assert evaluator.value(sheet, formula) == pytest.approx(stored, rel=1e-12, abs=1e-9), (sheet, place, formula)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("soffice") is None, reason="there is no LibreOffice")
def test_libreoffice_computes_the_same(content: bytes, formulas: Formulas, tmp_path: Path) -> None:
    # openpyxl stores formulas without values: LibreOffice has to compute them.
    openpyxl.load_workbook(io.BytesIO(content)).save(tmp_path / "bare.xlsx")
    folder = tmp_path / "computed"
    command = ["soffice", f"-env:UserInstallation=file://{tmp_path}/profile", "--headless", "--convert-to", "xlsx", "--outdir", str(folder)]
    subprocess.run([*command, str(tmp_path / "bare.xlsx")], capture_output=True, timeout=250, check=True)
    computed = openpyxl.load_workbook(folder / "bare.xlsx", data_only=True)
    assert len(formulas) > 100
    for sheet, place, formula, stored in formulas:
        assert computed[sheet][place].value == pytest.approx(stored, rel=1e-12, abs=1e-9), (sheet, place, formula)


def test_where_formulas_stand(campaign: Campaign, content: bytes) -> None:
    sheet = openpyxl.load_workbook(io.BytesIO(content))["Tools"]
    top = next(row for row in range(1, sheet.max_row) if sheet.cell(row, 1).value == "codec")
    ours, published = tool_rows(campaign), sum(len(table.rows) for table in campaign.beside[:1])
    assert sheet.max_row == top + len(ours) + published
    formula_columns = {
        "avg_percent",
        "avg_minus_tools_off_percent",
        "max_bit_deviation",
        "encode_s",
        *(f"{m}_percent" for m in AVG_METRICS),
    }
    row = {name: sheet.cell(top + 1, place) for place, name in enumerate(TOOL_COLUMNS, start=1)}
    assert row["codec"].value == "bop"
    kmac = {name for name in TOOL_COLUMNS if "kmac_per_pixel" in name}
    assert {name for name, cell in row.items() if cell.data_type == "f"} == formula_columns | kmac
    assert row["decoder_kmac_per_pixel_max_official"].value.startswith("=MAX('kMAC by picture'!")
    other = {name: sheet.cell(top + 1 + len(ours), place) for place, name in enumerate(TOOL_COLUMNS, start=1)}
    assert (other["published"].value, other["avg_percent"].value) == ("vm4", -10.6)
    assert not [cell for cell in other.values() if cell.data_type == "f"]
    assert other["configuration"].font.italic


def test_times_are_of_the_timing_campaign_where_there_is_one(campaign: Campaign, formulas: Formulas) -> None:
    found = {stored: formula for sheet, place, formula, stored in formulas if sheet == "Tools" and place.startswith(_letters("encode_s"))}
    assert len(found) == (1 if campaign.timing is None else 6)
    assert all(
        formula.startswith("=AVERAGE('Points'!" if campaign.timing is None else "=AVERAGEIFS('Timing points'!")
        for formula in found.values()
    )
    if campaign.timing is not None:
        # Ten times the median of the factor's times; that of bop without the point that failed.
        assert sorted(found) == pytest.approx(sorted(10.5 * (1.5 + place) for place, codec in enumerate(EFFICIENCIES) if learned(codec)))


def _letters(column: str) -> str:
    return column_letters(TOOL_COLUMNS.index(column))


def test_values_that_do_not_hold_are_not_bold_and_say_why(content: bytes) -> None:
    sheet = openpyxl.load_workbook(io.BytesIO(content))["Summary"]
    lines = {row[0].value: row for row in sheet.iter_rows() if row[0].value}
    assert lines["other"][1].font.bold
    assert lines["other"][1].comment is None
    assert not lines["bop"][1].font.bold
    assert "interop not run" in lines["bop"][1].comment.text


def test_colours_follow_the_values(content: bytes) -> None:
    book = openpyxl.load_workbook(io.BytesIO(content))

    def rules(name: str) -> list[str]:
        return [rule.formula[0] for area in book[name].conditional_formatting for rule in area.rules]

    assert [rule.rpartition(",")[2][-3:] for rule in rules("BD by picture")] == ["<0)", ">0)"]
    for name in ("Summary", "Tools"):
        assert len(rules(name)) == 4
        assert any("ABS(" in rule and ">0.1)" in rule for rule in rules(name))
        assert any(rule.endswith('="no"') for rule in rules(name))


def test_the_same_campaign_gives_the_same_bytes(campaign: Campaign, content: bytes) -> None:
    assert XlsxReport().render(campaign) == content

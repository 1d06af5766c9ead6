"""run.json, table.md, report.xlsx and report.html, read back; and what holds for every report."""

from __future__ import annotations

import importlib
import io
import json
import math
import re
import shlex
from dataclasses import replace
from html.parser import HTMLParser

import openpyxl  # type: ignore[import-untyped]
import pytest
from synthetic_campaign import ANCHOR, FORMULA, NASTY, UNREAD

from ctc.protocols import Report
from ctc.records import AVG_METRICS, BdRate, Campaign, Finding, Scored
from ctc.report.as_html import recipes
from ctc.report.curves import drawn_metrics, drawn_pictures, finite_values, mean_lines, mean_plots
from ctc.report.overview import bd_cells, codec_lines, status_of
from ctc.report.tables import point_rows
from ctc.report.wording import bd_text, fraction, percent, significant, with_code

FORMATS = ("csv", "parquet", "summary", "json", "markdown", "xlsx", "html", "latex")
REPORTS: tuple[Report, ...] = tuple(report for name in FORMATS for report in importlib.import_module(f"ctc.report.as_{name}").REPORTS)


def rendered(campaign: Campaign, file_name: str) -> bytes:
    return next(report for report in REPORTS if report.file_name == file_name).render(campaign)


@pytest.fixture(scope="module")
def outputs(campaign: Campaign) -> dict[str, bytes]:
    return {report.file_name: report.render(campaign) for report in REPORTS}


@pytest.fixture(scope="module")
def page(outputs: dict[str, bytes]) -> str:
    return outputs["report.html"].decode()


@pytest.fixture(scope="module")
def clean_page(clean: Campaign) -> str:
    return rendered(clean, "report.html").decode()


class Elements(HTMLParser):
    """Every start tag with its attributes, and all text outside of scripts and styles."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self._open = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        self._open = tag

    def handle_endtag(self, _tag: str) -> None:
        self._open = ""

    def handle_data(self, data: str) -> None:
        self.text += data if self._open not in ("script", "style") else ""


@pytest.mark.parametrize("report", REPORTS, ids=lambda report: report.file_name)
def test_the_same_campaign_gives_the_same_bytes(report: Report, campaign: Campaign, outputs: dict[str, bytes]) -> None:
    assert report.render(campaign) == outputs[report.file_name]


@pytest.mark.parametrize("report", REPORTS, ids=lambda report: report.file_name)
def test_an_empty_campaign_can_be_shown_and_is_not_valid(report: Report, campaign: Campaign) -> None:
    empty = replace(campaign, codecs=(), metrics=(), pictures=(), scored=(), unreachable=(), failed=(), bd=(), findings=())
    assert isinstance(report.render(empty), bytes)
    assert not status_of(empty).valid


@pytest.mark.parametrize("report", REPORTS, ids=lambda report: report.file_name)
def test_no_report_tells_where_pictures_lie(report: Report, outputs: dict[str, bytes]) -> None:
    assert b"/somewhere/private" not in outputs[report.file_name]


def test_status_counts(campaign: Campaign, clean: Campaign) -> None:
    status = status_of(campaign)
    assert (status.points, status.points_ok) == (160, len(campaign.scored))
    assert (status.points_unreachable, status.points_failed, status.pictures_unread) == (len(campaign.unreachable), 1, 1)
    assert status.errors == sum(finding.severity == "error" for finding in campaign.findings)
    assert not status.valid
    assert status_of(clean).valid
    assert not status_of(replace(clean, findings=(Finding("monotonicity", "error", "jpegai-bop", "", None, "bpp falls"),))).valid


def test_values_with_errors_or_missing_pictures_are_not_stressed(clean: Campaign) -> None:
    assert bd_cells(clean, "jpegai-bop", "ALL", ("AVG",))[0].sound
    codec, picture = "jpegai-bop", clean.pictures[0].name
    own = replace(clean, findings=(Finding("monotonicity", "error", codec, picture, None, "bpp falls"),))
    assert [bd_cells(own, name, "ALL", ("AVG",))[0].sound for name in (codec, "hevc-x265")] == [False, True]
    assert [bd_cells(own, codec, p.name, ("vif",))[0].sound for p in clean.pictures[:2]] == [False, True]
    of_anchor = replace(clean, findings=(Finding("monotonicity", "error", ANCHOR, "", None, "bpp falls"),))
    assert not bd_cells(of_anchor, codec, "ALL", ("AVG",))[0].sound
    partial = replace(clean, bd=(BdRate(codec, ANCHOR, "AVG", "ALL", -9.0, 0.9, pictures=5, pictures_missing=1),))
    (cell,) = bd_cells(partial, codec, "ALL", ("AVG",))
    assert (cell.sound, bd_text(cell)) == (False, "−9.0 % (5/6)")


def test_numbers_for_people() -> None:
    assert [percent(value) for value in (-12.34, 3.0, 0.0, -0.04, None)] == ["−12.3 %", "+3.0 %", "0.0 %", "0.0 %", "N/A"]
    assert (fraction(0.084), fraction(None)) == ("+8.4 %", "–")
    assert [significant(v, 3) for v in (1834.25, 0.0046912, 0.0, math.inf, None, -2.0)] == ["1830", "0.00469", "0.00", "∞", "–", "−2.00"]


def test_run_json(campaign: Campaign) -> None:
    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is not JSON")

    content = rendered(replace(campaign, wall_s=math.inf), "run.json").decode()
    run = json.loads(content, parse_constant=refuse)
    assert content == json.dumps(run, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    assert run["wall_s"] == "inf"
    assert [picture["sha256"] for picture in run["pictures"]] == [picture.sha256 for picture in campaign.pictures]
    assert run["pictures"][0]["path"] == "0.png"
    assert list(run["pictures_unread"]) == [UNREAD]
    assert run["status"]["points_ok"] == len(campaign.scored)
    assert run["status"]["valid"] is False
    tries = [s.coded.tries for s in campaign.scored if s.coded.job.codec == "jpegai-bop"]
    assert run["codecs"]["jpegai-bop"]["tries_per_point"] == pytest.approx(sum(tries) / len(tries))
    assert run["configuration"]["codecs"][0]["knob"]["name"] == "quality"


def test_table_md(campaign: Campaign) -> None:
    text = rendered(campaign, "table.md").decode()
    table, _, certificate = text.partition("## Metrics against the official values")
    assert "| vif | 9 | 8.1e-05 | 7.0e-05 | missed on 1 of 9 |" in certificate
    assert "| own | 0 | – | – | not compared: no official values are at hand |" in certificate
    rows = [line for line in table.splitlines() if line.startswith("|")]
    assert len(rows) == 2 + len(campaign.codecs)
    assert len({len(re.findall(r"(?<!\\)\|", row)) for row in rows}) == 1
    assert campaign.anchor_note in text
    assert campaign.codecs[2].note in text
    assert "**Not valid**: 3 errors" in text
    assert re.search(r"\| jpegai-bop \| −\d+\.\d % \(7/9\) \[\^\d+\] \| −\d", text)
    assert "<script" not in text


def test_table_md_gives_reasons_for_missing_values(campaign: Campaign) -> None:
    without = replace(campaign, metrics=tuple(metric for metric in campaign.metrics if metric.name != "vif"), bd=())
    text = rendered(without, "table.md").decode()
    assert "- N/A, jpeg, vif: the metric was not asked for." in text
    assert "- N/A, jpeg, AVG: no BD-rate was computed." in text


def test_workbook(campaign: Campaign) -> None:
    book = openpyxl.load_workbook(io.BytesIO(rendered(campaign, "report.xlsx")))
    assert book.sheetnames == ["Summary", "BD-rate", "BD by picture", "Points", "Validity", "Findings", "Parity", "Provenance"]
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    assert {cell.parent.title for cell in cells if cell.data_type == "f"} == {"Summary", "BD by picture"}
    assert not [cell.value for cell in cells if cell.data_type == "f" and not re.match(r"=(AVERAGE|IF\(MAX)\(", cell.value)]
    assert FORMULA in {cell.value for cell in book["Points"]["B"]}
    points = book["Points"]
    assert points.max_row == 1 + len(point_rows(campaign))
    assert (points.freeze_panes, points.auto_filter.ref is None) == ("D2", False)
    header = [cell.value for cell in points[1]]
    assert "inf" in {cell.value for cell in points[openpyxl.utils.get_column_letter(1 + header.index("psnr_v"))]}
    assert points.cell(2, 1 + header.index("bytes")).value == campaign.scored[0].coded.bytes
    assert book["BD-rate"].max_row == 1 + len(campaign.bd)


def test_workbook_stresses_only_sound_rates(campaign: Campaign, clean: Campaign) -> None:
    def bold(judged: Campaign) -> set[str]:
        sheet = openpyxl.load_workbook(io.BytesIO(rendered(judged, "report.xlsx")))["Summary"]
        return {row[0].value for row in sheet.iter_rows() if row[1].data_type == "f" and row[1].font.bold}

    assert (bold(campaign), bold(clean)) == (set(), {"hevc-x265", "jpegai-bop"})


def test_page_loads_nothing(page: str) -> None:
    loads = [
        value for _, attrs in Elements(page).tags for name, value in attrs.items() if name in ("src", "href", "action", "data", "srcset")
    ]
    assert [value for value in loads if not value.startswith(("#", "data:,"))] == []
    assert not re.search(r"url\((?!#)|@import|fetch\(|XMLHttpRequest|import\(", page)
    assert "default-src 'none'" in page


def test_page_escapes_names(page: str) -> None:
    elements = Elements(page)
    assert "<script>alert" not in page
    assert [tag for tag, _ in elements.tags].count("script") == 1
    assert NASTY in elements.text
    assert NASTY in {attrs.get("data-picture") for _, attrs in elements.tags}


def test_page_identifiers_are_unique_and_links_inside_it_lead_somewhere(page: str) -> None:
    tags = Elements(page).tags
    identifiers = [attrs["id"] for _, attrs in tags if "id" in attrs]
    assert len(identifiers) == len(set(identifiers))
    used = {attrs["href"][1:] for _, attrs in tags if attrs.get("href", "").startswith("#")} | set(re.findall(r"url\(#([^)]+)\)", page))
    assert used <= set(identifiers)


def test_page_holds_everything(page: str, campaign: Campaign) -> None:
    elements = Elements(page)
    points = [attrs for tag, attrs in elements.tags if tag == "tr" and "data-status" in attrs]
    assert len(points) == len(point_rows(campaign))
    assert [tag for tag, _ in elements.tags].count("svg") >= len(campaign.metrics) * (1 + len(campaign.pictures))
    assert campaign.anchor_note in elements.text
    for finding in campaign.findings:
        assert finding.message in elements.text
    for recipe in recipes(campaign):
        assert recipe.decoded_sha256 in elements.text
    assert campaign.failed[1].log_tail in elements.text
    assert len(page.encode()) < 6e6


def test_page_stresses_rates_of_a_valid_table_only(page: str, clean_page: str) -> None:
    def looks(text: str) -> set[str]:
        headline = text[text.index('class="headline"') : text.index('id="curves"')]
        return set(re.findall(r'class="bd (\w+)', headline))

    assert looks(page) == {"plain"}
    leads = re.findall(r'href="#(why-[^"]+)"', page)
    assert set(leads) == set(re.findall(r'<details id="(why-[^"]+)"', page))
    assert len(leads) >= len(set(leads)) > 8
    assert 'class="why"' not in clean_page[clean_page.index('class="headline"') : clean_page.index("Metrics outside")]
    assert looks(clean_page) == {"saves", "costs", "plain"}
    assert "▼</span>−" in clean_page
    assert "▲</span>+" in clean_page


def test_page_numbers_its_reasons(clean: Campaign) -> None:
    text = rendered(replace(clean, bd=()), "report.html").decode()
    assert 'title="no BD-rate was computed">N/A</abbr><sup><a href="#na-1">1</a></sup>' in text
    assert '<li id="na-1">N/A: no BD-rate was computed</li>' in text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("run `ctc <a>` & `b`, again", "run <code>ctc &lt;a&gt;</code> &amp; <code>b</code>, again"),
        ("`a`", "<code>a</code>"),
        ("no <b>", "no &lt;b&gt;"),
        ("one ` of <b> ` three `", "one ` of &lt;b&gt; ` three `"),
    ],
)
def test_commands_in_notes_are_code(text: str, shown: str) -> None:
    assert with_code(text) == shown


def test_commands_can_be_copied(campaign: Campaign) -> None:
    recipe = next(r for r in recipes(campaign) if (r.codec, r.picture, r.target) == ("jpegai-bop", NASTY, "0.25"))
    commands = dict(recipe.commands)
    setting = recipe.setting.removeprefix("QP ")
    stem = f"{NASTY}_jpegai-bop_{setting}"
    encode = ["ctc", "encode", "--codec", "jpegai-bop", "--setting", setting, "--", "2.png", f"{stem}.bits"]
    assert shlex.split(commands["encode with this harness"]) == encode
    assert shlex.split(commands["decode with this harness"])[-2:] == [f"{stem}.bits", f"{stem}.png"]
    assert commands["encoder that this runs"].endswith(" '" + NASTY + "' out.bits")


def test_means_over_other_pictures_are_marked(campaign: Campaign) -> None:
    values = finite_values(campaign)
    jpeg, _, anchor, _ = mean_lines(campaign, values, "psnr_y")
    # Most pictures do not reach the lowest rate: no mean is drawn there.
    assert jpeg.complete == (True, True, True, True)
    one_less = replace(campaign, scored=tuple(s for s in campaign.scored if s is not _first(campaign, ANCHOR, 0.25)))
    assert mean_lines(one_less, finite_values(one_less), "psnr_y")[2].complete == (True, True, False, True, True)
    assert all(anchor.complete)
    points = [(s.coded.bpp, s.value("psnr_y")) for s in campaign.scored if (s.coded.job.codec, s.coded.job.target_bpp) == (ANCHOR, 0.25)]
    assert anchor.bpps[2] == pytest.approx(sum(bpp for bpp, _ in points) / len(points))
    assert anchor.values[2] == pytest.approx(sum(value for _, value in points if value is not None) / len(points))
    # One picture is too small for VMAF whatever the codec: the means over the others can be compared.
    assert len(drawn_pictures(values, "vmaf")) == len(campaign.pictures) - 1
    assert all(mean_lines(campaign, values, "vmaf")[2].complete)


def _first(campaign: Campaign, codec: str, target_bpp: float) -> Scored:
    return next(s for s in campaign.scored if (s.coded.job.codec, s.coded.job.target_bpp) == (codec, target_bpp))


def test_many_pictures_leave_room_for_the_metrics_of_the_average(campaign: Campaign) -> None:
    assert drawn_metrics(campaign) == campaign.metrics
    many = replace(campaign, pictures=campaign.pictures * 5)
    assert {metric.name for metric in drawn_metrics(many)} <= set(AVG_METRICS)
    assert drawn_metrics(many)


def test_drawings_have_the_colours_of_the_page(campaign: Campaign) -> None:
    for plot in mean_plots(campaign):
        assert not re.search(r"#[0-9a-f]{6}\b", plot.svg)
        assert {f"var(--codec-{number})" for number in range(4)} <= set(re.findall(r"var\(--codec-\d\)", plot.svg))
        assert 'class="line-3"' in plot.svg
        assert "http" not in plot.svg


def test_a_codec_line_averages_what_was_measured_here(campaign: Campaign) -> None:
    lines = {line.codec: line for line in codec_lines(campaign)}
    assert codec_lines(campaign)[0].codec == ANCHOR
    costs = [s.coded.encode.wall_s for s in campaign.scored if s.coded.job.codec == "jpegai-bop" and s.coded.encode]
    assert len(costs) < lines["jpegai-bop"].points_ok
    assert lines["jpegai-bop"].encode_s == pytest.approx(sum(costs) / len(costs))
    assert lines["hevc-x265"].busy == lines["hevc-x265"].points_ok
    assert lines["jpegai-bop"].largest_deviation == pytest.approx(0.13, abs=1e-4)

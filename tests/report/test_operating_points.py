"""The table of operating points and tools: rows, order, what is missing and why; and that it is shown only where there are tools."""

from __future__ import annotations

import csv
import importlib
import io
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

import openpyxl  # type: ignore[import-untyped]
import pytest

from ctc.bdrate.tables import bd_rates
from ctc.protocols import Report
from ctc.published.configurations import load
from ctc.records import (
    AVG_METRICS,
    Campaign,
    Complexity,
    Cost,
    CountedCodec,
    DecoderModel,
    Finding,
    ModelSizes,
    PartMacs,
    Picture,
    PictureMacs,
    Scored,
)
from ctc.report.operating_points import TOOL_COLUMNS, ToolRow, groups, tool_rows
from ctc.report.terminal import terminal_table
from ctc.report.tool_wording import reason_lines, tool_caveats
from ctc.validity import point_validity
from tests.campaigns import changed, failed, find, made

EFFICIENCIES = {"anchor": 1.0, "bop+rvs+cwg": 1.6, "bop+cwg": 1.25, "hop": 2.0, "bop": 1.1, "bop+rvs": 1.4, "other": 0.9, "hop+rvs": 1.9}
KMAC = {"p0": 12.0, "p1": 13.5, "p2": 12.9}


def cost(wall_s: float, idle: bool = True) -> Cost:
    return Cost(wall_s, wall_s, 1 << 20, "cpu", 1, "abc", idle)


def timed(point: Scored, encode: Cost | None, decode: Cost | None) -> Scored:
    return replace(point, coded=replace(point.coded, encode=encode, decode=decode))


def learned(codec: str) -> DecoderModel | None:
    """As the names of the codecs have it; "anchor" and "other" are not learned."""
    if codec in ("anchor", "other"):
        return None
    point, *tools = codec.split("+")
    return DecoderModel(point.upper(), tuple(tool.upper() for tool in tools), 3_014_576, 7_000_000, "one MAC is one multiplication")


def campaign_of(efficiencies: Mapping[str, float], anchor: str = "anchor") -> Campaign:
    """Every point of a learned codec takes 4 s to encode and 0.5 s to decode, every other 2 s and 0.1 s."""
    campaign = made(efficiencies, anchor=anchor)
    points = [
        timed(point, cost(4.0), cost(0.5)) if learned(point.coded.job.codec) else timed(point, cost(2.0), cost(0.1))
        for point in campaign.scored
    ]
    models = ((codec, learned(codec.name)) for codec in campaign.codecs)
    codecs = tuple(replace(codec, model=model, learned=model is not None) for codec, model in models)
    complexity = tuple(Complexity(codec.name, picture, kmac) for codec in codecs if codec.model for picture, kmac in KMAC.items())
    counted = tuple(counts_of(codec.name, campaign.pictures) for codec in codecs if codec.model)
    campaign = replace(campaign, codecs=codecs, scored=tuple(points), complexity=complexity, counted=counted)
    campaign = replace(campaign, bd=bd_rates(campaign))
    return replace(campaign, validity=point_validity(campaign))


def counts_of(codec: str, pictures: Sequence[Picture]) -> CountedCodec:
    """By PyTorch's counter a tenth less than by formula, by the official rule twice as much; the encoder takes 3 kMAC/px."""

    def parts(picture: Picture) -> tuple[PartMacs, PartMacs]:
        macs = round(KMAC[picture.name] * 1000 * picture.pixels)
        encoder = 3000 * picture.pixels
        return (
            PartMacs("encoder", "analysis", None, encoder, encoder, 0, 0, 0, 0, 0),
            PartMacs("decoder", "synthesis luma", macs, macs * 9 // 10, 2 * macs, 0, macs, 0, 0, 0),
        )

    macs = tuple(PictureMacs(picture, parts(picture), 0.25) for picture in pictures)
    return CountedCodec(codec, macs, ModelSizes(1, 2, 3, 4, 5, 6, 7, "float16"), (("p2", "p1"),))


@pytest.fixture(scope="module")
def whole() -> Campaign:
    return campaign_of(EFFICIENCIES)


def row_of(campaign: Campaign, codec: str) -> ToolRow:
    (row,) = [row for row in tool_rows(campaign) if row.line.codec == codec]
    return row


def rendered(campaign: Campaign, file_name: str) -> bytes:
    modules = [importlib.import_module(f"ctc.report.as_{name}") for name in ("csv", "markdown", "html", "json", "xlsx", "latex", "summary")]
    reports: list[Report] = [report for module in modules for report in module.REPORTS]
    return next(report for report in reports if report.file_name == file_name).render(campaign)


def test_rows_are_grouped_by_operating_point_in_order_of_the_number_of_tools(whole: Campaign) -> None:
    rows = tool_rows(whole)
    names = ["bop", "bop+cwg", "bop+rvs", "bop+rvs+cwg", "hop", "hop+rvs"]
    assert [row.line.codec for row in rows] == names
    assert [row.configuration for row in rows] == ["tools off", "only CWG", "only RVS", "RVS + CWG", "tools off", "only RVS"]
    assert {key: len(of_point) for key, of_point in groups(rows).items()} == {("BOP", "bop"): 4, ("HOP", "hop"): 2}


def test_a_decoder_on_a_gpu_is_a_configuration_of_its_own(whole: Campaign) -> None:
    names = {"bop+cwg", "bop+rvs+cwg"}

    def on_gpu(model: DecoderModel) -> DecoderModel:
        return replace(model, device="GPU", tools=model.tools[1:])

    codecs = tuple(replace(codec, model=on_gpu(codec.model)) if codec.name in names and codec.model else codec for codec in whole.codecs)
    rows = {row.line.codec: row for row in tool_rows(replace(whole, codecs=codecs))}
    configurations = {name: rows[name].configuration for name in ("bop", "bop+rvs", "bop+cwg", "bop+rvs+cwg")}
    assert configurations == {"bop": "tools off", "bop+rvs": "only RVS", "bop+cwg": "tools off, GPU", "bop+rvs+cwg": "only CWG, GPU"}
    # Tools are compared with none of them on the same device.
    assert rows["bop+cwg"].difference.value_percent == 0
    average = {name: rows[name].line.average.value_percent for name in names}
    assert rows["bop+rvs+cwg"].difference.value_percent == pytest.approx(average["bop+rvs+cwg"] - average["bop+cwg"])


@pytest.mark.parametrize(
    ("others", "on_gpu", "where"),
    [
        ((), "bop+rvs", " on the GPU"),
        (("bop",), "bop+rvs", " on the GPU"),
        (("bop",), "bop", " on the CPU"),
        (("hop",), "", ""),
    ],
)
def test_the_difference_that_is_missing_is_to_tools_off_on_the_same_device(others: Sequence[str], on_gpu: str, where: str) -> None:
    campaign = campaign_of({"anchor": 1.0, "bop+rvs": 1.3, **dict.fromkeys(others, 1.1)})
    codecs = tuple(
        replace(codec, model=replace(codec.model, device="GPU")) if codec.name == on_gpu and codec.model else codec
        for codec in campaign.codecs
    )
    row = row_of(replace(campaign, codecs=codecs), "bop+rvs")
    assert row.difference.value_percent is None
    assert row.difference.reason == f"the operating point was not run with tools off{where}"


def test_values_are_those_of_the_campaign(whole: Campaign) -> None:
    row = row_of(whole, "bop+rvs")
    assert row.line.average.value_percent == pytest.approx(100 * (1 / 1.4 - 1))
    assert row.difference.value_percent == pytest.approx(100 * (1 / 1.4 - 1 / 1.1))
    assert row_of(whole, "bop").difference.value_percent == 0
    assert row.kmac["formula"].largest == 13.5
    assert row.kmac["formula"].mean == pytest.approx(12.8)
    assert row.kmac["flop_counter"].mean == pytest.approx(0.9 * 12.8)
    assert (row.kmac["official"].largest, row.kmac["official"].mean) == (pytest.approx(27), pytest.approx(25.6))
    assert row.decoding.value == pytest.approx(5.0)
    assert (row.decoding.points, row.decoding.points_busy) == (15, 0)
    assert (row.line.encode_s, row.line.monotone) == (4.0, True)
    assert row.reasons == ()


def test_times_are_compared_on_the_points_that_both_have(whole: Campaign) -> None:
    slow, missing = find(whole, "bop", "p0", 0.06), find(whole, "bop", "p1", 0.25)
    campaign = changed(whole, slow, timed(slow, cost(4.0), cost(1.0, idle=False)))
    campaign = changed(campaign, missing, timed(missing, None, None))
    of_anchor = find(campaign, "anchor", "p2", 0.75)
    campaign = changed(campaign, of_anchor, timed(of_anchor, cost(2.0), None))
    decoding = row_of(campaign, "bop").decoding
    assert (decoding.points, decoding.points_busy) == (13, 1)
    assert decoding.value == pytest.approx((12 * 0.5 + 1.0) / (13 * 0.1))
    assert "| 5.38\\* |" in rendered(campaign, "table.md").decode()
    assert "did other work" in rendered(campaign, "report.html").decode()


def test_times_that_were_not_measured_are_missing(whole: Campaign) -> None:
    campaign = replace(whole, scored=tuple(timed(point, None, None) for point in whole.scored))
    row = row_of(campaign, "hop+rvs")
    assert (row.decoding.value, row.decoding.points, row.line.encode_s) == (None, 0, None)
    assert any("no decoding of the same point" in reason for reason in row.reasons)
    cells = dict(zip(TOOL_COLUMNS, row.cells, strict=True))
    assert (cells["decode_time_ratio"], cells["encode_s"]) == (None, None)
    assert "no encoding was timed on this machine" in str(cells["reason"])


def test_times_that_are_not_alike_are_said_to_be_so_in_every_report() -> None:
    campaign = campaign_of({"anchor": 1.0, "bop": 1.1})
    for point in campaign.scored:
        if point.coded.job.codec == "bop":
            campaign = changed(campaign, point, timed(point, cost(4.0), replace(cost(0.5), read_s=0.01, write_s=0.02)))
    said = (
        "ecoding time compares whole processes, with their start and the writing of raw pictures (anchor), with decoding alone in a "
        "process that had started (bop): × less start, which `--timing` gives, is the fairer comparison"
    )
    for file_name, there in (("table.md", said), ("report.html", said.replace("`--timing`", "<code>--timing</code>"))):
        assert there in " ".join(rendered(campaign, file_name).decode().replace("\\", "").split())
    assert said in terminal_table(campaign)
    assert "is the fairer comparison" in rendered(campaign, "tables.tex").decode()
    (row,) = csv.DictReader(io.StringIO(rendered(campaign, "tools.csv").decode(), newline=""))
    assert row["reason"] == f"d{said}"
    sheet = openpyxl.load_workbook(io.BytesIO(rendered(campaign, "report.xlsx")))["Tools"]
    assert f"d{said}" in {cell.value for cells in sheet.iter_rows() for cell in cells}
    # Of a machine where none of them was timed, and where both are programs, there is nothing to say.
    alike = campaign_of({"anchor": 1.0, "bop": 1.1})
    untimed = replace(campaign, scored=tuple(timed(point, None, None) for point in campaign.scored))
    assert not any("fairer" in terminal_table(each) for each in (alike, untimed))
    assert row_of(alike, "bop").decoding.note == ""


def test_without_tools_off_there_is_no_difference() -> None:
    campaign = campaign_of({"anchor": 1.0, "bop+rvs": 1.3})
    row = row_of(campaign, "bop+rvs")
    assert row.difference.value_percent is None
    assert row.reasons == ("the operating point was not run with tools off",)
    assert "bop+rvs: the operating point was not run with tools off." in " ".join(rendered(campaign, "report.html").decode().split())


def test_means_over_other_pictures_have_no_difference(whole: Campaign) -> None:
    campaign = whole
    for target in whole.target_bpps:
        point = find(campaign, "bop+rvs", "p0", target)
        campaign = replace(changed(campaign, point), failed=(*campaign.failed, failed(point)))
    campaign = replace(campaign, bd=bd_rates(campaign))
    assert row_of(campaign, "bop+rvs").difference.reason == "one of the two AVG is not over all pictures"
    assert row_of(campaign, "bop+cwg").difference.value_percent is not None
    assert row_of(replace(whole, bd=()), "bop+cwg").difference.reason == "one of the two AVG is N/A"


def test_complexity_that_was_not_recorded_is_missing(whole: Campaign) -> None:
    row = row_of(replace(whole, complexity=(), counted=()), "bop")
    assert {(kmac.largest, kmac.mean) for kmac in row.kmac.values()} == {(None, None)}
    run = "run `ctc complexity --codecs bop` with the same --set and --cache, then this again"
    assert row.reasons == ("no complexity was recorded", f"kMAC/px by the official rule were counted of no picture: {run}")
    part = tuple(replace(each, counts=each.counts[:1]) for each in whole.counted)
    row = row_of(replace(whole, counted=part), "bop")
    assert row.kmac["official"].largest is None
    assert row.reasons == (f"kMAC/px by the official rule were counted of 1 of 3 pictures only: {run}",)


def test_what_is_missing_of_several_is_said_once(whole: Campaign) -> None:
    rows = tool_rows(replace(whole, counted=tuple(each for each in whole.counted if each.codec != "bop+rvs+cwg")))
    assert reason_lines(rows) == [
        "bop+rvs+cwg: kMAC/px by the official rule were counted of no picture: run `ctc complexity --codecs bop+rvs+cwg` with the same "
        "--set and --cache, then this again."
    ]
    names = [row.line.codec for row in rows]
    (line,) = reason_lines(tool_rows(replace(whole, counted=())))
    assert line.startswith(
        f"{', '.join(names)}: kMAC/px by the official rule were counted of no picture: run `ctc complexity --codecs {','.join(names)}` with"
    )


def test_maximum_and_mean_are_over_the_rates_that_were_counted(whole: Campaign) -> None:
    """At 0.5 bpp half as much again of everything: only in what was counted."""

    def more(count: PictureMacs) -> PictureMacs:
        parts = tuple(replace(part, flop_counter=part.flop_counter * 3 // 2, official=part.official * 3 // 2) for part in count.parts)
        return PictureMacs(count.picture, parts, 0.5)

    both = (replace(each, counts=(*each.counts, *map(more, each.counts))) if each.codec == "bop" else each for each in whole.counted)
    campaign = replace(whole, counted=tuple(both))
    row = row_of(campaign, "bop")
    assert (row.kmac["official"].largest, row.kmac["official"].mean) == (pytest.approx(1.5 * 27), pytest.approx(1.25 * 25.6))
    assert (row.kmac["formula"].largest, row.kmac["formula"].mean) == (13.5, pytest.approx(12.8))
    assert row.reasons == ()
    told = " ".join(tool_caveats(campaign, tool_rows(campaign)))
    assert "at about 0.25, 0.5 bpp (bop); 0.25 bpp (bop+cwg);" in told
    assert "counted while pictures were coded at about 0.25 bpp. " in " ".join(tool_caveats(whole, tool_rows(whole)))
    assert "official: counted at about 0.25 bpp\n" in terminal_table(whole)
    assert "kMAC/px over 3 pictures at about 0.25, 0.5 bpp" in rendered(campaign, "table.md").decode()
    assert "decoder: maximum: p1, " in (page := rendered(campaign, "report.html").decode())
    assert "at about 0.5 bpp</li>" in page
    rows = {row["codec"]: row for row in csv.DictReader(io.StringIO(rendered(campaign, "tools.csv").decode(), newline=""))}
    assert [rows[codec]["kmac_counted_at_bpp"] for codec in ("bop", "hop")] == ["0.25, 0.5", "0.25"]
    plain = json.loads(rendered(campaign, "run.json"))["counted"]["bop"]["p1"]
    assert {rate: sides["decoder"]["official"] for rate, sides in plain.items()} == {"0.25": pytest.approx(27), "0.5": pytest.approx(40.5)}
    summary = {line[0]: line[13] for line in map(str.split, rendered(campaign, "summary.txt").decode().splitlines())}
    assert (summary["bop_p1_050.png"], summary["hop_p1_050.png"]) == ("40.5", "None")


def test_a_configuration_with_errors_is_said_to_be_invalid_in_every_report(whole: Campaign) -> None:
    errors = [Finding("monotonicity", "error", codec, "p0", None, "bpp falls") for codec in ("bop+rvs", "bop+rvs", "bop")]
    campaign = replace(whole, findings=(*errors, Finding("tries", "warning", "hop", "", None, "many tries")))
    told = "the difference is to tools off, which is not valid"
    assert {row.line.codec: row.reasons for row in tool_rows(campaign)} == {
        "bop": ("not valid: 1 error",),
        "bop+cwg": (told,),
        "bop+rvs": ("not valid: 2 errors", told),
        "bop+rvs+cwg": (told,),
        "hop": (),
        "hop+rvs": (),
    }
    csv_rows = {row["codec"]: row for row in csv.DictReader(io.StringIO(rendered(campaign, "tools.csv").decode(), newline=""))}
    assert csv_rows["bop+rvs"]["reason"] == f"not valid: 2 errors; {told}"
    sheet = openpyxl.load_workbook(io.BytesIO(rendered(campaign, "report.xlsx")))["Tools"]
    assert [row[-1] for row in sheet.iter_rows(values_only=True) if row[0] == "bop"] == ["not valid: 1 error"]
    texts = (rendered(campaign, "table.md").decode(), rendered(campaign, "report.html").decode(), terminal_table(campaign))
    for text in (text.replace("\\", "") for text in texts):
        assert "bop+rvs: not valid: 2 errors." in text
        assert "bop: not valid: 1 error." in text
    assert not any("not valid: " in text for text in (terminal_table(whole), rendered(whole, "table.md").decode()))


def test_the_terminal_has_the_mean_of_kmac(whole: Campaign) -> None:
    header, row = (line for line in terminal_table(whole).splitlines() if line.startswith(("configuration ", "HOP only RVS")))
    assert "kMAC/px mean" in header
    assert row.split()[-4:] == ["25.6", "5.00", "3.01", "M"]
    assert " 12.8 " in row


def test_the_anchor_may_be_an_operating_point() -> None:
    campaign = campaign_of({"bop": 1.0, "bop+rvs": 1.25}, anchor="bop")
    plain, row = tool_rows(campaign)
    assert plain.difference.value_percent == 0
    assert plain.decoding.value == pytest.approx(1)
    assert row.difference.value_percent == pytest.approx(-20)
    assert dict(zip(TOOL_COLUMNS, plain.cells, strict=True))["avg_percent"] == 0
    assert "| BOP | tools off | anchor | 0.0 |" in rendered(campaign, "table.md").decode()
    assert "the zero of this table" in rendered(campaign, "report.html").decode()


def test_every_report_shows_the_table(whole: Campaign) -> None:
    rows = list(csv.DictReader(io.StringIO(rendered(whole, "tools.csv").decode(), newline="")))
    assert tuple(rows[0]) == TOOL_COLUMNS
    assert [row["codec"] for row in rows] == [row.line.codec for row in tool_rows(whole)]
    assert float(rows[3]["avg_percent"]) == pytest.approx(100 * (1 / 1.6 - 1))
    assert rows[3]["parameters"] == "3014576"
    section = rendered(whole, "table.md").decode().partition("## Operating points and tools\n")[2].partition("\n- ")[0]
    lines = [line for line in section.splitlines() if line]
    assert len(lines) == 2 + len(rows)
    assert len({line.count("|") for line in lines}) == 1
    assert re.match(r"\| BOP \| only CWG \| −20\.0 % \[\^\d+\] \| −10\.9 \|", lines[3])
    assert lines[3].endswith("| yes | −4.9 % | 13.5 | 12.8 | 27.0 | 25.6 | 5.00 | 3.01 M | 6.68 MiB | 4.00 |")
    sheet = openpyxl.load_workbook(io.BytesIO(rendered(whole, "report.xlsx")))["Tools"]
    assert [cell.value for cell in sheet[1]] == list(TOOL_COLUMNS)
    assert [cell.value for cell in sheet["C"]][1:] == [row.configuration for row in tool_rows(whole)]
    page = rendered(whole, "report.html").decode()
    assert page.count('<a href="#tools">') == page.count('<section id="tools">') == 1
    assert "RVS + CWG" in terminal_table(whole)


def test_run_json_has_what_the_table_needs(whole: Campaign) -> None:
    run = json.loads(rendered(whole, "run.json"))
    models = {codec["name"]: codec["model"] for codec in run["configuration"]["codecs"]}
    assert models["anchor"] is None
    assert models["bop+rvs"]["tools"] == ["RVS"]
    assert {"codec": "bop+rvs", "picture": "p1", "kmac_per_pixel": 13.5} in run["complexity"]


def test_without_learned_codecs_there_is_no_table() -> None:
    campaign = campaign_of({"anchor": 1.0, "other": 1.2})
    assert tool_rows(campaign) == []
    assert rendered(campaign, "tools.csv").decode() == ",".join(TOOL_COLUMNS) + "\n"
    assert "Operating points" not in rendered(campaign, "table.md").decode()
    assert 'id="tools"' not in rendered(campaign, "report.html").decode()
    assert "#tools" not in rendered(campaign, "report.html").decode()
    assert "Tools" not in openpyxl.load_workbook(io.BytesIO(rendered(campaign, "report.xlsx"))).sheetnames
    assert "tools off" not in terminal_table(campaign)


def test_without_tools_each_operating_point_is_a_row() -> None:
    campaign = campaign_of({"anchor": 1.0, "bop": 1.2, "hop": 1.4})
    assert [(row.line.codec, row.configuration) for row in tool_rows(campaign)] == [("bop", "tools off"), ("hop", "tools off")]
    assert "| BOP | tools off |" in rendered(campaign, "table.md").decode()


@pytest.mark.slow
def test_published_rows_stand_beside_ours_and_change_none(whole: Campaign) -> None:
    beside = replace(whole, beside=(load("vm4"),))
    rows = list(csv.DictReader(io.StringIO(rendered(beside, "tools.csv").decode(), newline="")))
    alone = list(csv.DictReader(io.StringIO(rendered(whole, "tools.csv").decode(), newline="")))
    assert rows[: len(alone)] == alone
    assert [row["published"] for row in rows] == [""] * len(alone) + ["vm4"] * 20
    failed = rows[len(alone) + 2]
    assert (failed["avg_percent"], failed["decoder_kmac_per_pixel_avg_official"], failed["decode_time_ratio"]) == ("-11.4", "", "")
    assert '"#DIV/0!" there' in failed["reason"]
    assert rendered(beside, "bd.csv") == rendered(whole, "bd.csv")
    for file_name in ("table.md", "report.html", "tables.tex"):
        text, without = (rendered(each, file_name).decode() for each in (beside, whole))
        assert text.count("published, vm4") + text.count('<span class="tag">published</span> vm4') >= 1
        assert "VTM 11.1" in text
        assert "VTM 11.1" not in without
        assert "DIV/0!" in text
    table = rendered(replace(campaign_of({"anchor": 1.0, "other": 1.2}), beside=(load("vm4"),)), "table.md").decode()
    assert "| *published, vm4: BOP* | *v4.4-tools-off-GPU* | −10.6 % |" in table


@pytest.mark.slow
def test_the_complexity_of_each_part_is_shown_where_it_was_counted(whole: Campaign) -> None:
    for file_name, cells in (
        ("table.md", "| synthesis luma | 12.800 | 11.520 | 25.600 |"),
        ("tables.tex", r"synthesis luma & 12.800 & 11.520 & 25.600 \\"),
        ("report.html", '<th scope="row">synthesis luma</th><td class="number">12.800</td><td class="number">11.520</td>'),
    ):
        text = rendered(whole, file_name).decode()
        assert text.count(cells) == 6
        assert "decoder: official 12.800 higher: transposed convolutions" in text.replace("{-}", "-")
        assert "p2 (p1)" in text
        assert "synthesis luma" not in rendered(replace(whole, counted=()), file_name).decode()
    summary = [line.split("\t") for line in rendered(whole, "summary.txt").decode().splitlines()]
    assert {line[0]: line[13] for line in summary if line[0].startswith("bop_p") and line[13] != "None"} == {
        "bop_p0_025.png": "24",
        "bop_p1_025.png": "27",
    }
    assert {line[13] for line in summary if line[0].startswith("other_")} == {"None"}
    sheet = openpyxl.load_workbook(io.BytesIO(rendered(whole, "report.xlsx")))["Complexity"]
    assert "synthesis luma" in {cell.value for row in sheet.iter_rows() for cell in row}


def test_only_the_metrics_of_the_average_have_columns() -> None:
    assert [column for column in TOOL_COLUMNS if column.endswith("_percent")][2:] == [f"{metric}_percent" for metric in AVG_METRICS]

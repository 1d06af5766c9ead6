"""A timing campaign in every report of a run that has one, and in none that has not."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import openpyxl  # type: ignore[import-untyped]
import pytest

from ctc import plugins
from ctc.bdrate.tables import bd_rates
from ctc.checks import run_checks
from ctc.records import Campaign, DeviceMemory, StageTime, Timing, TimingFailure, TimingSample
from ctc.records.timing import CODEC, DECODER, ENCODER, LOADING, READ, SMALLEST, START, WRITE
from ctc.report.as_summary import METRICS, SummaryReport
from ctc.report.operating_points import tool_rows
from ctc.report.overview import codec_lines
from ctc.report.timing_table import SAMPLE_COLUMNS, cell_rows, is_of_all_points, timing_rows, what_was_timed
from ctc.report.timing_wording import timing_notes, timing_text
from ctc.report.tool_wording import tool_caveats
from ctc.report.wording import timing_caveats
from ctc.summaryfile import read_summary
from tests.campaigns import made
from tests.report.test_operating_points import campaign_of, cost, timed

MIB = 1 << 20
TIMES = (1.0, 1.1, 0.9, 1.05, 3.0)


def samples_of(codec: str, picture: str, target: float | None, side: str, factor: float, kind: str) -> list[TimingSample]:
    """Five, of which the last is an outlier and taken on a busy machine."""
    around = {"library": (START, READ, WRITE), "stays": (READ, WRITE), "process": ()}[kind]
    return [
        TimingSample(
            codec, picture, target, side, index, index,
            (StageTime(CODEC, factor * time, factor * time), *(StageTime(name, 0.01, None) for name in around)),
            (20 + index) * MIB, "cpu", 1, 0.0, time < 2, codec != "test" or index != 1,
        )
        for index, time in enumerate(TIMES)
    ]  # fmt: skip


def timing_of(campaign: Campaign, factors: dict[str, float], kinds: dict[str, str]) -> Timing:
    """Every point, an encoder ten times as slow as its decoder."""
    samples = [
        sample
        for codec, factor in factors.items()
        for picture in campaign.pictures
        for target in campaign.target_bpps
        for side, times in ((ENCODER, 10), (DECODER, 1))
        for sample in samples_of(codec, picture.name, target, side, factor * times, kinds[codec])
    ]
    small = [
        sample for codec in factors for side in (ENCODER, DECODER) for sample in samples_of(codec, SMALLEST, None, side, 0.1, kinds[codec])
    ]
    load = TimingSample("a <model>", "", None, LOADING, 0, 0, (StageTime(START, 4.0, 3.0),), 1, "cpu", 1, 0.0, True, True)
    return Timing("m", "2026-01-01T00:00:00+00:00", True, 3, 77, 5, 1, (1,), campaign.target_bpps, (*samples, *small, load))


@pytest.fixture(scope="module")
def campaign() -> Campaign:
    whole = made({"anchor": 1.0, "test": 1.1, "lib": 1.2})
    timing = timing_of(whole, {"anchor": 0.5, "test": 1.0, "lib": 0.25}, {"anchor": "process", "test": "stays", "lib": "library"})
    failed = (TimingFailure("test", "p0", 0.06, DECODER, "it <broke>"),)
    memory = (DeviceMemory("test", DECODER, "p0", None, "not measured: no CUDA device"), DeviceMemory("lib", DECODER, "p0", 300 * MIB))
    whole = replace(whole, bd=bd_rates(whole), timing=replace(timing, failed=failed, device_memory=memory))
    return replace(whole, findings=run_checks(whole))


def rendered(campaign: Campaign, file_name: str) -> bytes:
    return next(report for report in plugins.reports().found.values() if report.file_name == file_name).render(campaign)


def test_rows(campaign: Campaign) -> None:
    anchor, test, lib = timing_rows(campaign)
    assert [row.timed_as for row in (anchor, test, lib)] == ["whole process", "process that stays", "library call"]
    assert anchor.ratio.value == 1.0
    assert test.ratio.value == pytest.approx((1.05 + 0.01) / 0.525)
    assert lib.encode.value == pytest.approx(0.25 * 10 * 1.05 + 0.02)
    assert (anchor.encoder_start_s, test.encoder_start_s, lib.encoder_start_s) == (pytest.approx(0.105), None, 0.01)
    cells = 2 * 3 * 5
    assert (test.samples, test.outliers, test.busy, test.other_output) == (5 * cells, cells, cells, cells)
    assert test.decoder_peak_bytes == 24 * MIB


def test_every_sample_is_in_the_file_for_programs(campaign: Campaign) -> None:
    rows = list(csv.DictReader(io.StringIO(rendered(campaign, "timings.csv").decode())))
    assert campaign.timing is not None
    assert tuple(rows[0]) == SAMPLE_COLUMNS
    assert len(rows) == sum(1 + len(sample.stages) for sample in campaign.timing.samples)
    totals = [row for row in rows if row["stage"] == "time"]
    assert len(totals) == len(campaign.timing.samples)
    mine = [row for row in totals if (row["codec"], row["picture"], row["side"], row["target_bpp"]) == ("lib", "p1", DECODER, "0.25")]
    assert [float(row["wall_s"]) for row in mine] == pytest.approx([0.25 * time + 0.01 for time in TIMES])
    assert [row["outlier"] for row in mine] == [row["machine_busy"] for row in mine] == ["no"] * 4 + ["yes"]
    counted = [row["stage"] for row in rows if row["in_time"] == "yes" and row["codec"] == "lib" and row["side"] == DECODER]
    assert set(counted) == {"time", "codec", "read"}


def test_tables_use_the_campaign_in_place_of_what_coding_took(campaign: Campaign) -> None:
    lines = {line.codec: line for line in codec_lines(campaign)}
    assert lines["test"].decode_s == pytest.approx(1.06)
    assert lines["test"].encode_s == pytest.approx(10.52)
    assert lines["test"].busy == 15
    tools = campaign_of({"anchor": 1.0, "bop": 1.1, "bop+rvs": 1.4})
    kinds = dict.fromkeys(("anchor", "bop", "bop+rvs"), "process")
    tools = replace(tools, timing=timing_of(tools, {"anchor": 1.0, "bop": 2.0, "bop+rvs": 3.0}, kinds))
    ratios = {row.line.codec: row.decoding for row in tool_rows(tools)}
    assert (ratios["bop"].value, ratios["bop+rvs"].value) == (pytest.approx(2.0), pytest.approx(3.0))
    assert (ratios["bop"].points, ratios["bop"].points_busy) == (15, 15)


def test_people_are_told(campaign: Campaign) -> None:
    page, table = rendered(campaign, "report.html").decode(), rendered(campaign, "table.md").decode()
    assert '<section id="timing">' in page
    assert "it &lt;broke&gt;" in page
    assert "a &lt;model&gt;" in page
    assert "## Timing" in table
    notes = "\n".join(timing_notes(campaign, timing_rows(campaign)))
    for told in (
        "Campaign 3, begun 2026-01-01T00:00:00+00:00, continued after an interruption: one execution at a time, bound to processor 1, "
        "1 thread at most, 5 samples each after one that does not count, all shuffled (seed 77). Timed: all 3 pictures.",
        "over that of anchor",
        "holds it with 93.75 %",
        "test: 30 samples gave another output than the point has.",
        "GPU memory, test, decoder, p0: not measured: no CUDA device.",
        "GPU memory, lib, decoder, p0: 300 MiB at least for the same samples, without",
        "Not timed: test, p0, decoder: it <broke>.",
    ):
        assert told in notes
    assert "on a GPU" not in notes
    assert campaign.timing is not None
    on_gpu = (replace(sample, device="a GPU") if sample.codec == "lib" else sample for sample in campaign.timing.samples)
    notes = "\n".join(timing_notes(replace(campaign, timing=replace(campaign.timing, samples=tuple(on_gpu))), timing_rows(campaign)))
    assert "\nlib: on a GPU, whose load is not watched: busy is of the processors alone." in notes
    text = timing_text(campaign)
    assert text[0].startswith("timing")
    assert any(line.startswith("lib ") and "0.52" not in line for line in text)


def of_one_picture(whole: Campaign, name: str) -> Campaign:
    """The campaign whose timing campaign is of this picture alone."""
    assert whole.timing is not None
    samples = tuple(sample for sample in whole.timing.samples if sample.picture in (name, SMALLEST, ""))
    return replace(whole, timing=replace(whole.timing, samples=samples, failed=()))


def test_times_are_of_the_timed_pictures_alone() -> None:
    """Of the others only what coding took is known: 4 s and 0.5 s of a learned codec, 2 s and 0.1 s of the anchor."""
    tools = campaign_of({"anchor": 1.0, "bop": 1.1, "bop+rvs": 1.4})
    factors = {"anchor": 1.0, "bop": 2.0, "bop+rvs": 3.0}
    timing = timing_of(tools, factors, dict.fromkeys(factors, "process"))
    # Another ratio in each picture.
    slower = {("bop", "p0"): 10, ("bop", "p2"): 100, ("anchor", "p2"): 7}
    samples = tuple(
        replace(
            sample,
            stages=tuple(replace(stage, wall_s=stage.wall_s * slower.get((sample.codec, sample.picture), 1)) for stage in sample.stages),
        )
        for sample in timing.samples
        if (sample.codec, sample.picture) != ("bop+rvs", "p1")
    )
    some = of_one_picture(replace(tools, timing=replace(timing, samples=samples)), "p1")
    rows, lines = {row.line.codec: row for row in tool_rows(some)}, {line.codec: line for line in codec_lines(some)}
    assert (rows["bop"].decoding.value, rows["bop"].decoding.points) == (pytest.approx(2.0), 5)
    assert (lines["bop"].encode_s, lines["bop"].decode_s) == (pytest.approx(2 * 10 * 1.05), pytest.approx(2 * 1.05))
    # Not timed, so without times, although it was coded: never those of coding beside medians.
    missing = rows["bop+rvs"]
    assert (missing.decoding.value, lines["bop+rvs"].encode_s, lines["bop+rvs"].decode_s) == (None, None, None)
    assert missing.reasons.count("bop+rvs was not timed") == 1
    assert "times are of 1 of 3 pictures: p1" in missing.remarks
    assert "* Times of 10 of 10 points were taken" in "\n".join(timing_caveats(some))


@pytest.mark.parametrize("name", ["report.html", "table.md", "tables.tex", "report.xlsx", "tools.csv", "terminal"])
@pytest.mark.slow
def test_every_report_says_of_which_pictures_times_are(name: str) -> None:
    tools = campaign_of({"anchor": 1.0, "bop": 1.1})
    whole = replace(tools, timing=timing_of(tools, {"anchor": 1.0, "bop": 2.0}, {"anchor": "process", "bop": "stays"}))

    def told(campaign: Campaign) -> str:
        if name == "terminal":
            return "\n".join(timing_text(campaign))
        content = rendered(campaign, name)
        if name != "report.xlsx":
            return content.decode()
        book = openpyxl.load_workbook(io.BytesIO(content))
        return "\n".join(str(cell) for title in ("Summary", "Timing") for row in book[title].values for cell in row)

    assert "1 of 3 pictures: p1" in told(of_one_picture(whole, "p1"))
    assert "of 3 pictures: p" not in told(whole)
    assert ("all 3 pictures" in told(whole)) == (name not in ("tools.csv", "tables.tex"))


def test_of_many_pictures_the_first_names_are_told() -> None:
    whole = made({"anchor": 1.0}, pictures=24)
    timing = timing_of(whole, {"anchor": 1.0}, {"anchor": "process"})
    some = {picture.name for picture in whole.pictures[:11]}
    timing = replace(timing, samples=tuple(sample for sample in timing.samples if sample.picture in some))
    names = sorted(some)
    assert what_was_timed(whole, timing) == f"11 of 24 pictures: {', '.join(names[:8])}, 3 more"
    assert what_was_timed(whole, replace(timing, samples=())) == "0 of 24 pictures"
    at_one = replace(timing, target_bpps=(0.25,))
    assert what_was_timed(whole, at_one) == f"11 of 24 pictures: {', '.join(names[:8])}, 3 more; at 0.25 bpp alone"
    assert not is_of_all_points(whole, at_one)


def test_it_is_said_to_whose_decoder_the_ratio_is(campaign: Campaign) -> None:
    whole = campaign_of({"published:vvc": 1.0, "bop": 1.1, "vvc-vvenc": 1.2}, anchor="published:vvc")
    points = [
        replace(point, coded=replace(point.coded, setting=None)) if point.coded.job.codec == "published:vvc" else point
        for point in whole.scored
    ]
    whole = replace(whole, scored=tuple(points))
    timing = timing_of(whole, {"bop": 2.0, "vvc-vvenc": 0.5}, {"bop": "stays", "vvc-vvenc": "process"})
    whole = replace(whole, timing=timing)
    vvenc, bop = timing_rows(whole)
    assert (vvenc.codec, bop.ratio.to, bop.ratio.value) == ("vvc-vvenc", "vvc-vvenc", pytest.approx(2.11 / 0.525))
    said = "The anchor, published:vvc, was not made here and has no decoding time: × is to the decoder of vvc-vvenc."
    assert said in timing_notes(whole, [vvenc, bop])
    assert said in tool_caveats(whole, tool_rows(whole))
    assert any(said in line for line in timing_text(whole))
    assert "The ratio is to the decoder of vvc-vvenc in this campaign." in rendered(whole, "report.html").decode()
    tools = list(csv.DictReader(io.StringIO(rendered(whole, "tools.csv").decode())))
    assert "decoding time is to that of vvc-vvenc" in tools[0]["reason"]
    assert not any("was not made here" in note for note in timing_notes(campaign, timing_rows(campaign)))


def test_what_the_ratio_is_made_of_is_said(campaign: Campaign) -> None:
    tools = campaign_of({"anchor": 1.0, "bop": 1.1})
    timed = replace(tools, timing=timing_of(tools, {"anchor": 1.0, "bop": 2.0}, {"anchor": "process", "bop": "stays"}))
    told = "\n".join(tool_caveats(timed, tool_rows(timed)))
    assert "Decoding time: the sum of the medians of the timing campaign over that of anchor" in told
    assert "Timed as whole processes, with their start and the writing of raw pictures: anchor. Of bop reading" in told
    assert "× less start, in the Timing section of the page, is the fairer comparison" in told
    assert "fairer comparison" in rendered(timed, "tables.tex").decode()
    assert "Timed as whole" not in "\n".join(tool_caveats(tools, tool_rows(tools)))
    assert "test: timed on the CPU only, also where there is a GPU." in timing_notes(campaign, timing_rows(campaign))


def test_the_busy_mark_is_of_the_same_measurement_as_the_value() -> None:
    tools = campaign_of({"anchor": 1.0, "bop": 1.1})
    timing = timing_of(tools, {"anchor": 1.0, "bop": 2.0}, {"anchor": "process", "bop": "process"})
    quiet = replace(timing, samples=tuple(replace(sample, idle_before=True) for sample in timing.samples))
    busy_coding = tuple(
        replace(point, coded=replace(point.coded, encode=replace(point.coded.encode, machine_idle=False)))
        for point in tools.scored
        if point.coded.encode is not None
    )
    (row,) = tool_rows(replace(tools, timing=timing))
    assert row.encode_busy == 15
    (row,) = tool_rows(replace(tools, scored=busy_coding, timing=quiet))
    assert row.encode_busy == 0
    (row,) = tool_rows(replace(tools, scored=busy_coding))
    assert row.encode_busy == 15


def test_the_official_summary_takes_medians_and_no_time_of_a_busy_machine(tmp_path: Path) -> None:
    whole = made({"anchor": 1.0, "test": 1.1}, metrics=METRICS)
    coded = (timed(point, cost(4.0), cost(0.5, idle=point.place[1] != "p1")) for point in whole.scored)
    whole = replace(whole, scored=tuple(coded))

    def changed(sample: TimingSample) -> TimingSample:
        if sample.picture == "p0" and sample.target_bpp == 0.25:
            return replace(sample, device="a GPU", idle_before=sample.index < 3)
        return replace(sample, idle_before=sample.index < 2) if sample.picture == "p0" and sample.target_bpp == 0.5 else sample

    timing = timing_of(whole, {"test": 1.0}, {"test": "process"})
    failed = (TimingFailure("test", "p0", 0.75, DECODER, "it broke"),)
    timing = replace(timing, samples=tuple(map(changed, timing.samples)), failed=failed)

    def times(campaign: Campaign) -> dict[str, list[str]]:
        (tmp_path / "summary.txt").write_bytes(SummaryReport().render(campaign))
        assert len(read_summary(tmp_path / "summary.txt")) == len(campaign.scored)
        lines = [line.split("\t") for line in (tmp_path / "summary.txt").read_text().splitlines()]
        return {line[0].removesuffix(".png"): line[14:18] for line in lines}

    without, found = times(whole), times(replace(whole, timing=timing))
    assert without["test_p0_006"] == without["anchor_p0_006"] == ["None", "0.5", "None", "4"]
    assert without["test_p1_006"] == without["anchor_p1_006"] == ["None", "None", "None", "4"]
    # What the campaign did not time has no time beside its medians.
    assert found["anchor_p0_006"] == found["anchor_p1_006"] == ["None"] * 4
    assert found["test_p0_006"] == found["test_p1_006"] == ["None", "1.05", "None", "10.5"]
    assert found["test_p0_025"] == ["1.05", "None", "10.5", "None"]
    assert found["test_p0_050"] == ["None"] * 4
    assert found["test_p0_075"] == ["None", "None", "None", "10.5"]


def test_points_that_failed_are_told_and_in_no_spread(campaign: Campaign) -> None:
    row = next(row for row in timing_rows(campaign) if row.codec == "test")
    told = "1 point left out: an execution of the decoder failed, or samples are missing"
    assert row.reasons == (told,)
    assert row.decode.points == row.encode.points - 1
    assert f"test: {told}." in timing_notes(campaign, timing_rows(campaign))
    counted = [cells for cells in cell_rows(campaign.timing) if cells[0] == "test" and cells[-1] == "yes"] if campaign.timing else []
    assert len(counted) == row.decode.points + row.encode.points
    assert campaign.timing is not None
    all_failed = tuple(TimingFailure(*cells[:4], "broke") for cells in cell_rows(campaign.timing) if cells[0] == "test")  # type: ignore[arg-type]
    assert [row.codec for row in timing_rows(replace(campaign, timing=replace(campaign.timing, failed=all_failed)))] == ["anchor", "lib"]


def test_workbook_and_provenance(campaign: Campaign) -> None:
    book = openpyxl.load_workbook(io.BytesIO(rendered(campaign, "report.xlsx")))
    assert {"Timing", "Timing points"} <= set(book.sheetnames)
    told = json.loads(rendered(campaign, "run.json"))["timing"]
    assert (told["seed"], told["cpus"], told["round"]) == (77, [1], 3)
    assert told["codecs"]["test"]["ratio"]["value"] == pytest.approx(1.06 / 0.525)
    assert "samples" not in told
    assert told["pictures"] == ["p0", "p1", "p2"]


def test_nothing_of_it_without_a_campaign(campaign: Campaign) -> None:
    without = replace(campaign, timing=None)
    assert '<section id="timing">' not in rendered(without, "report.html").decode()
    assert "## Timing" not in rendered(without, "table.md").decode()
    assert "Timing" not in openpyxl.load_workbook(io.BytesIO(rendered(without, "report.xlsx"))).sheetnames
    assert json.loads(rendered(without, "run.json"))["timing"] is None
    assert rendered(without, "timings.csv").decode().count("\n") == 1
    assert timing_text(without) == []

"""points.csv, points.parquet, bd.csv, findings.csv and summary.txt, read back."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import replace

import pyarrow.parquet
import pytest
from synthetic_campaign import ANCHOR, FORMULA, NASTY, SMALL, UNREAD

from ctc.records import Campaign, Failed, Score
from ctc.report import as_csv, as_parquet, as_summary
from ctc.report.tables import cell_text, number_text, point_columns, point_rows

COLUMNS = (
    "codec,picture,target_bpp,bpp,bytes,deviation,setting,tries,encode_s,decode_s,encode_peak_bytes,decode_peak_bytes,"
    "decoded_sha256,status,reason,msssim,msssim_iqa,iwssim,vmaf,vif,fsim,nlpd,psnr_hvs_m,psnr_hvs,psnr_y,psnr_u,psnr_v"
)


def read_csv(campaign: Campaign, file_name: str) -> list[dict[str, str]]:
    report = next(report for report in as_csv.REPORTS if report.file_name == file_name)
    return list(csv.DictReader(io.StringIO(report.render(campaign).decode(), newline="")))


def point(rows: list[dict[str, str]], codec: str, picture: str, target: str) -> dict[str, str]:
    (row,) = [row for row in rows if (row["codec"], row["picture"], row["target_bpp"]) == (codec, picture, target)]
    return row


def test_points_csv_has_the_agreed_columns_and_one_row_per_point(campaign: Campaign) -> None:
    content = as_csv.REPORTS[0].render(campaign).decode()
    rows = read_csv(campaign, "points.csv")
    assert content.splitlines()[0] == COLUMNS
    assert "\r" not in content
    assert len(rows) == len(campaign.codecs) * len(campaign.pictures) * len(campaign.target_bpps) + 1
    order = [
        (codec.name, picture.name, f"{t:g}") for codec in campaign.codecs for picture in campaign.pictures for t in campaign.target_bpps
    ]
    assert [(row["codec"], row["picture"], row["target_bpp"]) for row in rows[:-1]] == order


def test_points_csv_keeps_values_to_ten_digits(campaign: Campaign) -> None:
    rows = read_csv(campaign, "points.csv")
    for scored in campaign.scored:
        coded = scored.coded
        row = point(rows, coded.job.codec, coded.job.picture.name, f"{coded.job.target_bpp:g}")
        assert row["status"] == "ok"
        assert int(row["bytes"]) == coded.bytes
        assert float(row["bpp"]) == pytest.approx(coded.bpp, rel=1e-9)
        assert row["decoded_sha256"] == coded.decoded_sha256
        assert (row["encode_s"] == "") == (coded.encode is None)
        for score in scored.scores:
            assert (row[score.metric] == "") == (score.value is None)
            if score.value is not None:
                assert float(row[score.metric]) == pytest.approx(score.value, rel=1e-9)


def test_a_missing_score_is_an_empty_cell_with_its_reason(campaign: Campaign) -> None:
    row = point(read_csv(campaign, "points.csv"), ANCHOR, SMALL, "0.25")
    assert (row["vmaf"], row["status"], row["reason"]) == ("", "ok", "vmaf: picture too small")


def test_an_infinite_score_stays_infinite(campaign: Campaign) -> None:
    assert point(read_csv(campaign, "points.csv"), ANCHOR, "astronaut.png", "0.75")["psnr_v"] == "inf"


def test_unreachable_points_name_the_limit_and_have_no_numbers(campaign: Campaign) -> None:
    row = point(read_csv(campaign, "points.csv"), "jpeg", SMALL, "0.06")
    limit = next(u for u in campaign.unreachable if u.job.picture.name == SMALL)
    assert row["status"] == "unreachable"
    assert f"quality 1 gives {number_text(limit.limit_bpp)} bpp" in row["reason"]
    assert (row["bpp"], row["setting"], row["bytes"], row["psnr_y"]) == ("", "", "", "")


def test_failures_are_rows(campaign: Campaign) -> None:
    rows = read_csv(campaign, "points.csv")
    failed = point(rows, "hevc-x265", NASTY, "0.75")
    assert (failed["status"], failed["reason"]) == ("failed", "encode: ToolFailed: exit status 1")
    assert (rows[-1]["codec"], rows[-1]["picture"], rows[-1]["target_bpp"], rows[-1]["status"]) == ("", UNREAD, "", "failed")


def test_a_point_without_any_outcome_is_not_left_out(campaign: Campaign) -> None:
    lost = campaign.scored[0].coded.job
    rows = read_csv(replace(campaign, scored=campaign.scored[1:]), "points.csv")
    row = point(rows, lost.codec, lost.picture.name, f"{lost.target_bpp:g}")
    assert (row["status"], row["reason"]) == ("failed", "no result was recorded")


def test_a_failure_without_target_stands_for_all_targets(clean: Campaign) -> None:
    lost = clean.scored[0].coded.job
    scored = tuple(s for s in clean.scored if (s.coded.job.codec, s.coded.job.picture) != (lost.codec, lost.picture))
    broken = replace(clean, scored=scored, failed=(Failed(lost.picture.name, lost.codec, None, "rate", "no tool"),))
    rows = [row for row in point_rows(broken) if (row.codec, row.picture) == (lost.codec, lost.picture.name)]
    assert [(row.status, row.reason) for row in rows] == [("failed", "rate: no tool")] * len(clean.target_bpps)


def test_a_score_that_is_not_a_number_becomes_a_missing_one(clean: Campaign) -> None:
    first = clean.scored[0]
    broken = replace(first, scores=(Score("msssim", math.nan), *first.scores[1:]))
    row = point_rows(replace(clean, scored=(broken, *clean.scored[1:])))[0]
    assert row.scores[0] is None
    assert row.reason == "msssim: the metric gave no number"


def test_parquet_holds_the_same_rows_with_types(campaign: Campaign) -> None:
    table = pyarrow.parquet.read_table(io.BytesIO(as_parquet.REPORTS[0].render(campaign)))
    assert tuple(table.column_names) == point_columns(campaign)
    types = {field.name: str(field.type) for field in table.schema}
    assert (types["codec"], types["bytes"], types["bpp"], types["vmaf"]) == ("string", "int64", "double", "double")
    for read, row in zip(table.to_pylist(), point_rows(campaign), strict=True):
        assert tuple(read.values()) == row.cells
    assert math.inf in table.column("psnr_v").to_pylist()


def test_parquet_of_nothing_still_has_its_columns(campaign: Campaign) -> None:
    empty = replace(campaign, codecs=(), pictures=(), scored=(), unreachable=(), failed=(), bd=(), findings=())
    table = pyarrow.parquet.read_table(io.BytesIO(as_parquet.REPORTS[0].render(empty)))
    assert (table.num_rows, tuple(table.column_names)) == (0, point_columns(empty))


def test_bd_csv(campaign: Campaign) -> None:
    rows = read_csv(campaign, "bd.csv")
    assert list(rows[0]) == ["codec", "anchor", "metric", "picture", "bd_rate_percent", "overlap", "status", "reason"]
    assert len(rows) == len(campaign.bd)
    for row, bd in zip(rows, campaign.bd, strict=True):
        assert row["bd_rate_percent"] == number_text(bd.value_percent)
        expected = "undefined" if bd.value_percent is None else "partial" if bd.pictures_missing else "ok"
        assert row["status"] == expected
        assert row["reason"] or expected == "ok"
    assert {row["status"] for row in rows} == {"ok", "partial", "undefined"}


def test_findings_csv(campaign: Campaign) -> None:
    rows = read_csv(campaign, "findings.csv")
    assert list(rows[0]) == ["check", "severity", "codec", "picture", "target_bpp", "message"]
    expected = [(f.check, f.severity, f.picture) for f in campaign.findings]
    assert [(row["check"], row["severity"], row["picture"]) for row in rows] == expected


def test_numbers_are_short_and_missing_ones_empty() -> None:
    assert [cell_text(cell) for cell in (None, 0.1, 1 / 3, 12345678901, math.inf, -math.inf, "text")] == [
        "",
        "0.1",
        "0.3333333333",
        "12345678901",
        "inf",
        "-inf",
        "text",
    ]


def test_summary_has_the_official_layout(campaign: Campaign) -> None:
    lines = [line.split("\t") for line in as_summary.REPORTS[0].render(campaign).decode().splitlines()]
    pictures = len(campaign.pictures) + 1
    assert len(lines) == len(campaign.codecs) * pictures * len(campaign.target_bpps)
    assert {len(line) for line in lines} == {19}
    first = campaign.scored[0]
    assert lines[0][:3] == ["jpeg_00001_TE_2096x1400_006.png", number_text(first.coded.bpp), number_text(first.value("msssim"))]
    encode, decode = first.coded.encode, first.coded.decode
    assert encode is not None
    assert decode is not None
    assert lines[0][-6:] == ["None", "None", number_text(decode.wall_s), "None", number_text(encode.wall_s), "match"]


def test_summary_translates_to_the_official_sentinels(campaign: Campaign) -> None:
    asked = replace(campaign, metrics=tuple(metric for metric in campaign.metrics if metric.name != "fsim"))
    lines = {line.split("\t")[0]: line.split("\t")[1:] for line in as_summary.REPORTS[0].render(asked).decode().splitlines()}
    column = {metric: position + 1 for position, metric in enumerate(as_summary.METRICS)}
    assert lines[f"{ANCHOR}_astronaut_075.png"][column["psnr_v"]] == "100"
    assert lines[f"{ANCHOR}_café_025.png"][column["vmaf"]] == "None"
    assert {line[column["fsim"]] for name, line in lines.items() if not name.startswith("No_rec")} == {"-100"}
    assert lines["No_rec_for_broken,_not_a_picture_RATE006"][0] == "-1"
    assert lines["jpegai-bop_coffee_006.png"][-6:] == ["None"] * 5 + ["match"]


def test_names_survive_quoting(campaign: Campaign) -> None:
    names = {row["picture"] for row in read_csv(campaign, "points.csv")}
    assert {NASTY, FORMULA, UNREAD, SMALL} <= names

"""A campaign of a part of its set says so in every report."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import openpyxl  # type: ignore[import-untyped]
import pytest
from test_documents import rendered

from ctc.checks import run_checks
from ctc.records import Campaign, SetState
from ctc.report.overview import bd_cells, status_of
from ctc.report.terminal import terminal_table

SHARE = "partial set: 6 of 8 pictures"


@pytest.fixture
def partial(clean: Campaign) -> Campaign:
    state = SetState(8, 6, (("00009_TE", "is missing"), ("00010_TE", "is damaged: cut off")), "the list set.csv", "0f" * 8)
    with_state = replace(clean, set_state=state)
    return replace(with_state, findings=run_checks(with_state))


def test_reports_for_people_lead_with_it(partial: Campaign) -> None:
    assert f"valid, {SHARE}; " in terminal_table(partial).splitlines()[0]
    assert f"**Valid, {SHARE}**" in rendered(partial, "table.md").decode()
    assert f"Valid, {SHARE}" in rendered(partial, "report.html").decode().split('class="verdict"')[1].split("</p>")[0]
    sheet = openpyxl.load_workbook(io.BytesIO(rendered(partial, "report.xlsx")))["Summary"]
    assert SHARE in sheet["A1"].value


def test_tables_for_programs_have_it_where_a_mean_is(partial: Campaign) -> None:
    bd = rendered(partial, "bd.csv").decode().splitlines()
    means = [line for line in bd if ",ALL," in line]
    assert means
    assert all(SHARE in line for line in means)
    assert sum(",partial," in line for line in means) > len(means) / 2
    assert not any(SHARE in line for line in bd if line not in means)
    points = rendered(partial, "points.csv").decode().splitlines()
    assert [line.split(",")[:2] for line in points[-2:]] == [["", "00009_TE"], ["", "00010_TE"]]
    assert ",absent,is missing," in points[-2]
    summary = rendered(partial, "summary.txt").decode()
    assert summary.count("No_rec_for_00009_TE_RATE") == len(partial.codecs) * len(partial.target_bpps)
    run = json.loads(rendered(partial, "run.json"))
    assert run["set"]["partial"] is True
    assert run["set"]["left_out"]["00010_TE"] == "is damaged: cut off"
    findings = rendered(partial, "findings.csv").decode()
    assert f"picture_set,warning,,,,{SHARE}; compared with the list set.csv" in findings
    assert "left out: 00010_TE: is damaged: cut off" in findings


def test_it_is_no_failure_and_its_means_are_not_stressed(clean: Campaign, partial: Campaign) -> None:
    status = status_of(partial)
    assert (status.valid, status.pictures_unread, status.points) == (True, 0, status_of(clean).points)
    assert [bd_cells(each, "jpegai-bop", "ALL", ("AVG",))[0].sound for each in (clean, partial)] == [True, False]
    picture = partial.pictures[0].name
    assert bd_cells(partial, "jpegai-bop", picture, ("vif",))[0].sound


def test_a_whole_set_is_not_called_partial(clean: Campaign) -> None:
    whole = replace(clean, set_state=SetState(6, 6, (), "the list set.csv", "0f" * 8))
    assert run_checks(whole) == clean.findings
    assert "artial set" not in terminal_table(whole)
    for file_name in ("table.md", "bd.csv", "points.csv", "summary.txt", "findings.csv"):
        assert b"artial set" not in rendered(whole, file_name)

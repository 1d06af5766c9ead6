"""The multi-branch table: which decoders share an encoder is seen from their bitstreams, never from their names."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import replace

from ctc.published.configurations import load
from ctc.records import Campaign, digest
from ctc.report.as_csv import REPORTS
from ctc.report.as_html import HtmlReport
from ctc.report.as_markdown import MarkdownReport
from ctc.report.multi_branch import BRANCH_COLUMNS, branch_rows
from tests.report.test_operating_points import campaign_of


def streams(campaign: Campaign, encoders: Mapping[str, str]) -> Campaign:
    """The campaign with the bitstreams of these encoders; of codecs that are not named each has its own."""

    def of(codec: str, picture: str, target: float) -> str:
        return digest([encoders.get(codec, codec), picture, target])

    points = (
        replace(point, coded=replace(point.coded, bitstream_sha256=of(*point.place))) if point.place[0] != "anchor" else point
        for point in campaign.scored
    )
    return replace(campaign, scored=tuple(points))


def rows(campaign: Campaign) -> list[tuple[str, str, str]]:
    return [(row.encoder, row.row.line.codec, row.row.configuration) for row in branch_rows(campaign)]


CODECS = {"anchor": 1.0, "sop": 1.1, "bop": 1.2, "hop": 1.3, "bop+rvs": 1.4, "hop+rvs": 1.5}


def test_decoders_of_the_same_bitstreams_share_an_encoder_with_each_set_of_tools() -> None:
    campaign = streams(campaign_of(CODECS), {"sop": "x", "bop": "x", "hop": "y", "bop+rvs": "x2", "hop+rvs": "y2"})
    assert rows(campaign) == [
        ("Enc0", "sop", "tools off"),
        ("Enc0", "bop", "tools off"),
        ("Enc0", "bop+rvs", "only RVS"),
        ("Enc1", "hop", "tools off"),
        ("Enc1", "hop+rvs", "only RVS"),
    ]


def test_two_encoders_are_never_called_one() -> None:
    """Without tools all three share; with one, each has bitstreams of its own."""
    shared = {"sop": "x", "bop": "x", "hop": "x"}
    campaign = streams(campaign_of(CODECS), shared)
    assert [row for row in rows(campaign) if "+" in row[1]] == [("Enc0", "bop+rvs", "only RVS"), ("Enc1", "hop+rvs", "only RVS")]
    alike = streams(campaign_of(CODECS), shared | {"bop+rvs": "r", "hop+rvs": "r"})
    assert {row[0] for row in rows(alike)} == {"Enc0"}


def test_one_bitstream_that_differs_is_another_encoder() -> None:
    campaign = streams(campaign_of(CODECS), {"sop": "x", "bop": "x", "hop": "x"})
    point = next(point for point in campaign.scored if point.place == ("sop", "p1", 0.5))
    other = replace(point, coded=replace(point.coded, bitstream_sha256="0" * 64))
    campaign = replace(campaign, scored=tuple(other if each is point else each for each in campaign.scored))
    assert {codec for encoder, codec, _ in rows(campaign) if encoder == "Enc0"} == {"sop"}


def test_no_table_where_nothing_is_shared_or_no_bitstream_is_known() -> None:
    apart = streams(campaign_of(CODECS), {})
    assert rows(apart) == []
    assert "Encoders and decoders" not in MarkdownReport().render(apart).decode()
    assert "branches" not in HtmlReport().render(apart).decode()
    unknown = tuple(replace(point, coded=replace(point.coded, bitstream_sha256="")) for point in apart.scored)
    assert rows(replace(apart, scored=unknown)) == []


def test_documents_with_published_rows() -> None:
    campaign = streams(campaign_of(CODECS), {"sop": "x", "bop": "x", "hop": "x"})
    campaign = replace(campaign, beside=(load("vm4"), load("vm5")))
    text = MarkdownReport().render(campaign).decode().partition("## Encoders and decoders")[2]
    assert "| Enc0 | SOPDec | tools off | −9.1 % [^" in text
    assert "| *published, vm5: Enc1* | *HOPDec* | *v5.1-Enc1-HOPDec-tools-on-GPU* | −28.0 % |" in text
    assert "v4.4" not in text
    (report,) = (report for report in REPORTS if report.file_name == "multibranch.csv")
    table = list(csv.DictReader(io.StringIO(report.render(campaign).decode(), newline="")))
    assert tuple(table[0]) == BRANCH_COLUMNS
    assert [row["published"] for row in table] == [""] * 5 + ["vm5"] * 6
    assert (table[-1]["encoder"], table[-1]["decoder"], table[-1]["decoder_kmac_per_pixel_avg_official"]) == ("Enc1", "HOP", "216")
    page = HtmlReport().render(campaign).decode()
    assert page.count('<section id="branches">') == page.count('<a href="#branches">') == 1
    assert "Enc0, SOPDec, tools off" in page

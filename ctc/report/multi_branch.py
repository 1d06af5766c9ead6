"""The rows of the multi-branch table: encoders whose bitstreams several decoders take, in the layout of the later verification models.

Which decoders share an encoder is seen from the bitstreams of the campaign: theirs are the same at every point that they have in common.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ctc.records import AVG, AVG_METRICS, COUNTING_RULES, Campaign, PublishedRow
from ctc.report.operating_points import ToolRow, family, tool_rows
from ctc.report.tables import Cell

BRANCH_COLUMNS = (
    "encoder", "decoder", "configuration", "codec", "avg_percent", *(f"{metric}_percent" for metric in AVG_METRICS),
    *(f"decoder_kmac_per_pixel_avg_{rule}" for rule in COUNTING_RULES), "kmac_counted_at_bpp",
    "decode_time_ratio", "encode_s", "published", "reason",
)  # fmt: skip

Streams = Mapping[tuple[str, float], str]
"""(picture, target rate) -> sha256 of the bitstream."""


@dataclass(frozen=True)
class BranchRow:
    """A decoder of the bitstreams of an encoder."""

    encoder: str
    """"Enc0", "Enc1", …"""
    row: ToolRow

    @property
    def name(self) -> str:
        """ "Enc0, SOPDec, tools off" """
        return f"{self.encoder}, {self.row.model.operating_point}Dec, {self.row.configuration}"

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The values in the order of `BRANCH_COLUMNS`."""
        row, line = self.row, self.row.line
        rates = [0.0 if line.is_anchor else cell.value_percent for cell in (line.average, *line.metrics)]
        counted = (row.kmac[rule].mean for rule in COUNTING_RULES)
        named = (self.encoder, row.model.operating_point, row.configuration, line.codec)
        return (*named, *rates, *counted, row.counted_at, row.decoding.value, line.encode_s, "", row.remarks)


def published_branch_cells(table: str, row: PublishedRow) -> tuple[Cell, ...]:
    """A published row in the order of `BRANCH_COLUMNS`."""
    rates = (row.rate(metric) for metric in (AVG, *AVG_METRICS))
    named = (row.encoder, row.operating_point, row.test, None)
    return (*named, *rates, None, None, row.kmac_mean, None, row.time_ratio, None, table, row.remarks)


def branch_rows(campaign: Campaign) -> list[BranchRow]:
    """Encoders in order of appearance, their decoders, in each its configurations. Empty where no two codecs share bitstreams."""
    rows = tool_rows(campaign)
    streams = {row.line.codec: _streams(campaign, row.line.codec) for row in rows}
    branches: dict[tuple[str, ...], list[list[ToolRow]]] = {}
    for row in sorted(rows, key=lambda row: len(row.model.tools)):
        of_tools = branches.setdefault(row.model.tools, [])
        same = (branch for branch in of_tools if _shared(streams[branch[0].line.codec], streams[row.line.codec]))
        branch = next(same, None)
        if branch is None:
            of_tools.append([row])
        else:
            branch.append(row)
    if not any(len(branch) > 1 for of_tools in branches.values() for branch in of_tools):
        return []
    encoder_of = _encoders(branches.values())
    ordered = sorted(rows, key=lambda row: encoder_of[row.line.codec])
    return [BranchRow(f"Enc{encoder_of[row.line.codec]}", row) for row in ordered]


def _encoders(branches: Iterable[list[list[ToolRow]]]) -> dict[str, int]:
    """Codec -> number of its encoder. What several decoders share with other tools is that encoder too, with these tools."""
    known: list[set[str]] = []
    found: dict[str, int] = {}
    for of_tools in branches:
        taken: set[int] = set()
        for branch in of_tools:
            decoders = {family(row.line.codec) for row in branch}
            number = next((place for place, others in enumerate(known) if decoders <= others and place not in taken), len(known))
            if number == len(known):
                known.append(decoders)
            taken.add(number)
            found |= {row.line.codec: number for row in branch}
    return found


def _streams(campaign: Campaign, codec: str) -> Streams:
    coded = (scored.coded for scored in campaign.scored if scored.coded.job.codec == codec)
    return {(each.job.picture.name, each.job.target_bpp): each.bitstream_sha256 for each in coded}


def _shared(one: Streams, other: Streams) -> bool:
    """Whether both have points in common, and the same bitstream at each of them."""
    common = one.keys() & other.keys()
    return bool(common) and all(one[place] and one[place] == other[place] for place in common)

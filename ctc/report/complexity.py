"""How the counts of `ctc complexity` read: a table of parts for each learned codec, of instructions or seconds for each program."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from statistics import fmean

from ctc.complexity.survey import ProgramCost
from ctc.records import COUNTING_RULES, CountedCodec, CountingRule, ModelSizes, PartMacs, Picture, PictureMacs
from ctc.report.overview import plural, rates_text
from ctc.report.tables import Cell
from ctc.report.terminal import aligned
from ctc.report.wording import NO_VALUE, significant

SIDES = ("decoder", "encoder")
MIB = 2**20
COLUMNS = (
    "codec", "picture", "width", "height", "target_bpp", "side", "part", "kmac_per_pixel_formula", "kmac_per_pixel_flop_counter",
    "kmac_per_pixel_official", "official_transposed", "official_biases", "official_elements", "functional", "unseen",
    "setting", "bpp", "instructions", "cpu_s", "machine_idle", "reason",
)  # fmt: skip


def learned_text(codec: str, counts: Sequence[PictureMacs], sizes: ModelSizes) -> str:
    """Everything that is known of one learned codec."""
    lines = [f"{codec}, kMAC/px over {counted_over(counts)}, overlap and padding included"]
    for side in SIDES:
        lines += ["", *_side_table(side, counts), *(f"  {reason}" for reason in differences(side, counts))]
    lines += ["", *size_lines(sizes)]
    return "\n".join(lines)


def counted_over(counts: Sequence[PictureMacs]) -> str:
    """Over which pictures and rates: "2 pictures at about 0.25 bpp"."""
    return f"{plural(len({count.picture for count in counts}), 'picture')} at about {rates_text(count.target_bpp for count in counts)} bpp"


def size_lines(sizes: ModelSizes) -> list[str]:
    """Parameters, bytes and precision of its networks."""
    return [
        f"parameters: {sizes.decoder_parameters:,} of the largest model that decodes a picture, {sizes.decoder_parameters_all:,} of a "
        f"decoder for any rate, {sizes.encoder_parameters:,} that encode, {sizes.parameters_all:,} of all networks",
        f"bytes: {sizes.decoder_bytes / MIB:.2f} MiB, {sizes.decoder_bytes_all / MIB:.2f} MiB for any rate, "
        f"{sizes.bytes_all / MIB:.2f} MiB of encoder and all decoders",
        f"precision of the largest model: {sizes.precision}",
    ]


def counted_notes(counted: CountedCodec) -> list[str]:
    """What must be read with the tables of one codec: the rates, the maxima, why the ways of counting differ, sizes, and what stands in for
    what."""
    rates = rates_text(counted.target_bpps)
    notes = [
        f"counted at about {rates} bpp, at the setting with which a search for the rate begins: what the encoder switches by content takes "
        "more at one rate and picture and less at another; maximum and mean are over the pictures and rates that were counted"
    ]
    for side in SIDES:
        told = [most_costly(side, counted.counts), *differences(side, counted.counts)]
        notes += [f"{side}: {line}" for line in told]
    if counted.stand_ins:
        pairs = ", ".join(f"{picture} ({other})" for picture, other in counted.stand_ins)
        notes.append(
            f"counted while another picture of the same size was coded, on which parts depend that are switched by content: {pairs}"
        )
    return notes + size_lines(counted.sizes)


def differences(side: str, counts: Sequence[PictureMacs]) -> list[str]:
    """Why the three ways of counting differ, each cause with what it makes in kMAC/px, the mean over counts."""
    causes = (
        ("flop_counter", "lower", "networks that are computed in integers, by compiled loops, are not seen", lambda part: part.unseen),
        (
            "flop_counter and official",
            "lower",
            "what is computed element by element is no product to a counter",
            element_by_element,
        ),
        ("official", "lower", "products outside modules (attention, functional filters) are not seen", lambda part: part.functional),
        ("official", "higher", "transposed convolutions count at output resolution", lambda part: part.transposed),
        ("official", "higher", "biases count", lambda part: part.biases),
        ("official", "higher", "activations that are modules count", lambda part: part.elements),
    )
    said = []
    for rule, direction, cause, amount in causes:
        mean = fmean(sum(amount(part) for part in count.parts if part.side == side) / count.picture.pixels / 1000 for count in counts)
        if mean:
            said.append(f"{rule} {mean:.3f} {direction}: {cause}")
    if any(part.formula is None for count in counts for part in count.parts if part.side == side):
        said.append(f"{NO_VALUE}: found by trial, how often depends on the picture; there is no formula")
    return said


def element_by_element(part: PartMacs) -> int:
    """What the formula counts and no counter sees, although PyTorch or a compiled loop computes it in floats."""
    return 0 if part.formula is None else part.formula - part.unseen - part.flop_counter


def program_text(costs: Sequence[ProgramCost]) -> str:
    """Instructions per pixel, or CPU seconds per megapixel, of one program for each picture, then the mean. One picture at least."""
    lines = [f"{costs[0].codec}, whole processes, at {costs[0].setting:g}"]
    rows = [["picture", "bpp", "side", "instructions/px", "CPU s", ""]]
    for cost in costs:
        shown = significant(cost.instructions / cost.picture.pixels, 4) if cost.instructions is not None else NO_VALUE
        marks = "" if cost.machine_idle else "*"
        rows.append([cost.picture.name, f"{cost.bpp:.3f}", cost.side, shown, f"{cost.cpu_s:.2f}{marks}", cost.reason])
    for side in SIDES:
        counts = [cost.instructions / cost.picture.pixels for cost in costs if cost.side == side and cost.instructions is not None]
        whole = len(counts) == sum(cost.side == side for cost in costs)
        rows.append(["mean", "", side, significant(fmean(counts), 4) if counts and whole else NO_VALUE, "", ""])
    busy = ["* while the machine did other work"] if any(not cost.machine_idle for cost in costs) else []
    started = any(cost.interpreted and cost.instructions is not None for cost in costs)
    start = ["the Python interpreter's start is in the instructions, but not in the seconds"] if started else []
    return "\n".join([*lines, *aligned(rows), *start, *busy])


def as_csv(macs: Mapping[str, Sequence[PictureMacs]], costs: Sequence[ProgramCost]) -> bytes:
    """All of it, in the order of `COLUMNS`; what does not apply is empty."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for codec, counts in macs.items():
        for count in counts:
            writer.writerows(_part_row(codec, count, part) for part in count.parts)
    for cost in costs:
        named = _named(cost.codec, cost.picture, cost.target_bpp, cost.side)
        measured = {"instructions": cost.instructions, "cpu_s": cost.cpu_s, "machine_idle": cost.machine_idle, "reason": cost.reason}
        writer.writerow({**named, "setting": cost.setting, "bpp": cost.bpp, **measured})
    return text.getvalue().encode()


PART_COLUMNS = COLUMNS[:15]
"""Those of `COLUMNS` that a learned codec has."""


def part_rows(codec: str, count: PictureMacs) -> list[tuple[Cell, ...]]:
    """Rows of `PART_COLUMNS`."""
    rows = (_part_row(codec, count, part) for part in count.parts)
    return [tuple(row[column] for column in PART_COLUMNS) for row in rows]


def _named(codec: str, picture: Picture, target_bpp: float, side: str) -> dict[str, Cell]:
    size = {"width": picture.width, "height": picture.height}
    return {"codec": codec, "picture": picture.name, **size, "target_bpp": target_bpp, "side": side}


def _part_row(codec: str, count: PictureMacs, part: PartMacs) -> dict[str, Cell]:
    row = _named(codec, count.picture, count.target_bpp, part.side)
    row |= {"part": part.part, "functional": part.functional, "unseen": part.unseen}
    row |= {f"kmac_per_pixel_{rule}": count.kmac_per_pixel(part.side, rule, part.part) for rule in COUNTING_RULES}
    return row | {f"official_{name}": getattr(part, name) for name in ("transposed", "biases", "elements")}


def _side_table(side: str, counts: Sequence[PictureMacs]) -> list[str]:
    return [*aligned(side_rows(side, counts)), f"  {most_costly(side, counts)}"]


def side_rows(side: str, counts: Sequence[PictureMacs]) -> list[list[str]]:
    """A heading, parts with their means, the mean of all, and the picture and rate that takes most; kMAC/px by each way of counting."""
    parts = dict.fromkeys(part.part for count in counts for part in count.parts if part.side == side)
    rows = [[side, *COUNTING_RULES], *([part, *(_mean(side, rule, part, counts) for rule in COUNTING_RULES)] for part in parts)]
    rows.append(["mean", *(_mean(side, rule, "", counts) for rule in COUNTING_RULES)])
    most = _most(side, counts)
    return [*rows, ["maximum", *(_shown(most.kmac_per_pixel(side, rule)) for rule in COUNTING_RULES)]]


def most_costly(side: str, counts: Sequence[PictureMacs]) -> str:
    """Which picture the maximum is of, and at which rate."""
    most = _most(side, counts)
    return f"maximum: {most.picture.name}, {most.picture.width}x{most.picture.height}, at about {most.target_bpp:g} bpp"


def _most(side: str, counts: Sequence[PictureMacs]) -> PictureMacs:
    return max(counts, key=lambda count: count.kmac_per_pixel(side, "official") or 0.0)


def _mean(side: str, rule: CountingRule, part: str, counts: Sequence[PictureMacs]) -> str:
    values = [count.kmac_per_pixel(side, rule, part) for count in counts]
    known = [value for value in values if value is not None]
    return _shown(fmean(known) if len(known) == len(values) else None)


def _shown(kmac: float | None) -> str:
    return NO_VALUE if kmac is None else f"{kmac:.3f}"

"""A verdict as text for a terminal, as CSV with every quantity of every point, and as Markdown."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Sequence

from ctc.notary.verdict import Compared, Value, Verdict, worst
from ctc.report.as_markdown import escape
from ctc.report.overview import plural
from ctc.report.tables import cell_text
from ctc.report.wording import MINUS, NO_VALUE

CSV_COLUMNS = ("picture", "target_bpp", "setting", "quantity", "here", "wanted", "difference", "tolerance", "status", "reason")

Rows = Sequence[Sequence[str]]


def as_text(verdict: Verdict) -> str:
    """Two tables, the points and the quantities, and what was found in one line."""
    lines = [f"{verdict.codec} against {verdict.against}", f"  here      {verdict.version}", f"  there     {verdict.source}", ""]
    lines += [*_aligned(_point_rows(verdict), 2), "", *_aligned(_quantity_rows(verdict), 2)] if verdict.compared else []
    told = [*_failure_lines(verdict), *verdict.notes]
    return "\n".join([*lines, *([""] if told else []), *(f"  {line}" for line in told), "", conclusion(verdict)])


def as_markdown(verdict: Verdict) -> bytes:
    parts = [
        f"# {escape(verdict.codec)} against {escape(verdict.against)}",
        f"**{escape(conclusion(verdict))}**",
        f"- here: {escape(verdict.version)}\n- there: {escape(verdict.source)}",
        *(_pipes(rows) for rows in (_point_rows(verdict), _quantity_rows(verdict)) if verdict.compared),
        "\n".join(f"- {escape(line)}" for line in (*_failure_lines(verdict), *verdict.notes)),
        "\n".join(["Tolerances:", "", *(f"- {escape(line)}" for line in verdict.tolerances)]) if verdict.tolerances else "",
    ]
    return ("\n\n".join(part for part in parts if part) + "\n").encode()


def as_csv(verdict: Verdict) -> bytes:
    """Every quantity of every point; then the failures, of which the quantity is empty."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for each in verdict.compared:
        numbers = (each.here, each.wanted, each.difference, each.tolerance)
        cells = (each.picture, each.target_bpp, each.setting, each.quantity, *numbers, "same" if each.holds else "other", each.reason)
        writer.writerow([cell_text(cell) for cell in cells])
    for failed in verdict.failed:
        writer.writerow([failed.picture, cell_text(failed.target_bpp), *[""] * 6, "failed", f"{failed.stage}: {failed.error}"])
    return text.getvalue().encode()


def conclusion(verdict: Verdict) -> str:
    """One line: whether it is the same anchor, and on how much that rests."""
    points, failed = verdict.points, plural(len(verdict.failed), "failure")
    if not points:
        return f"nothing was compared; {failed}"
    off = [quantity for quantity, compared in verdict.quantities.items() if not all(each.holds for each in compared)]
    said = "the same anchor" if verdict.holds else "not shown to be the same anchor"
    counted = f"{verdict.same} of {plural(len(points), 'point')} the same in {', '.join(verdict.quantities)}"
    where = f"; other in {', '.join(off)}" if off else ""
    return f"{said}: {counted}{where}{f'; {failed}' if verdict.failed else ''}"


def _point_rows(verdict: Verdict) -> Rows:
    rows = [("picture", "bpp", verdict.knob, "bytes", "wanted", "difference", "nearest to its tolerance", "")]
    for (picture, target), compared in verdict.points.items():
        first, others = compared[0], [each for each in compared if each.tolerance]
        nearest = worst(others) if others else None
        share = f"{nearest.quantity}, {_share(nearest)}" if nearest else NO_VALUE
        said = "same" if all(each.holds for each in compared) else "other: " + _why(compared)
        setting = NO_VALUE if first.setting is None else cell_text(first.setting)
        rows.append(
            (picture, f"{target:g}", setting, cell_text(first.here), cell_text(first.wanted), _signed(first.difference), share, said)
        )
    return rows


def _why(compared: Sequence[Compared]) -> str:
    off = [each for each in compared if not each.holds]
    reasons = dict.fromkeys(each.reason for each in off if each.reason)
    return "; ".join([", ".join(each.quantity for each in off), *reasons])


def _share(compared: Compared) -> str:
    return "no number" if math.isinf(compared.badness) else f"{100 * compared.badness:.0f} %"


def _quantity_rows(verdict: Verdict) -> Rows:
    rows = [("quantity", "points", "largest difference", "tolerance", "where", "")]
    for quantity, compared in verdict.quantities.items():
        most = worst(compared)
        missed = sum(not each.holds for each in compared)
        said = f"other at {missed}" if missed else "same"
        where = f"{most.picture} at {most.target_bpp:g} bpp" if most.size else ""
        tolerance = f"{most.tolerance:.0e}" if most.tolerance else "none"
        rows.append((quantity, str(len(compared)), _largest(most), tolerance, where, said))
    return rows


def _largest(compared: Compared) -> str:
    if compared.difference is None:
        return "none" if compared.holds else "other"
    return "none" if not compared.difference else _signed(compared.difference)


def _signed(value: Value) -> str:
    """A difference: whole numbers as they are, others with two digits."""
    if value is None or isinstance(value, str):
        return NO_VALUE
    text = f"{value:+.0f}" if value == int(value) else f"{value:+.1e}" if math.isfinite(value) else f"{value:+}"
    return "0" if not value else text.replace("-", MINUS) if "e" not in text else text


def _failure_lines(verdict: Verdict) -> list[str]:
    lines = []
    for failed in verdict.failed:
        rate = "" if failed.target_bpp is None else f" at {failed.target_bpp:g} bpp"
        lines.append(f"failed: {failed.picture}{rate}: {failed.stage}: {failed.error}")
    return lines


def _aligned(rows: Rows, words: int) -> list[str]:
    """The first column and the last `words` to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    left = {0, *range(len(widths) - words, len(widths))}
    aligned = (
        [cell.ljust(width) if place in left else cell.rjust(width) for place, (cell, width) in enumerate(zip(row, widths, strict=True))]
        for row in rows
    )
    return ["  ".join(row).rstrip() for row in aligned]


def _pipes(rows: Iterable[Sequence[str]]) -> str:
    header, *body = [[escape(cell) for cell in row] for row in rows]
    lines = [header, ["---"] * len(header), *body]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)

"""Rate-distortion curves as inline SVG: the mean over pictures, and every picture by itself.

The drawings carry no colour and no font of their own: lines refer to the page's custom properties (`--codec-0`, ...), text to
its font, so that one drawing serves light and dark pages. Identifiers are prefixed by the plot, or dropped where nothing refers
to them, because a page holds many plots.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Any

from ctc.records import Campaign, MetricInfo
from ctc.report.tables import codec_names, metrics_in_order, picture_names

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LARGEST_COUNT = 240
"""Plots of single pictures that a page may hold; with more pictures fewer metrics are drawn, the seven of the average first."""

COLOURS = 8
"""Distinct codec colours; the page defines `--codec-0` to `--codec-7`."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
"""Seven, so that colour and marker together tell 56 codecs apart."""
_DASHES: tuple[tuple[float, ...], ...] = ((), (5, 2), (1.5, 1.5), (6, 2, 1.5, 2))

# Placeholders that become the page's custom properties; no codec can have them, no two are alike.
_AXIS, _GRID, _PAPER = "#010101", "#020202", "#030303"
_CODEC = tuple(f"#0404{number:02x}" for number in range(COLOURS))


@dataclass(frozen=True)
class Plot:
    metric: MetricInfo
    svg: str
    pictures: int
    """Pictures that have a finite value of the metric."""


@dataclass(frozen=True)
class Line:
    """One codec's points, in order of target rate. Those that are not `complete` are means over fewer pictures than the others."""

    number: int
    """Position of the codec in the campaign: decides colour, marker and dash."""
    codec: str
    bpps: tuple[float, ...]
    values: tuple[float, ...]
    complete: tuple[bool, ...]


Values = dict[tuple[str, str, float], list[tuple[str, float, float]]]
"""(codec, metric, target) -> (picture, bpp, value) of every finite value."""


def mean_plots(campaign: Campaign) -> tuple[Plot, ...]:
    """One plot per metric: means of bpp and of the metric over pictures, for each target rate."""
    values = finite_values(campaign)
    with _page_style():
        paper = _Paper(campaign.target_bpps, 4.6, 3.1)
        return tuple(
            Plot(
                metric,
                paper.draw(mean_lines(campaign, values, metric.name), metric.label, f"mean-{metric.name}"),
                len(drawn_pictures(values, metric.name)),
            )
            for metric in metrics_in_order(campaign)
        )


def picture_plots(campaign: Campaign) -> dict[str, tuple[Plot, ...]]:
    """Plots of every picture by itself, in the order of the campaign, for the metrics of `drawn_metrics`."""
    values, drawn = finite_values(campaign), drawn_metrics(campaign)
    with _page_style():
        paper = _Paper(campaign.target_bpps, 3.3, 2.3)

        def plot(metric: MetricInfo, picture: str, number: int) -> Plot:
            lines = _picture_lines(campaign, values, metric.name, picture)
            return Plot(metric, paper.draw(lines, metric.label, f"p{number}-{metric.name}"), 1)

        return {picture: tuple(plot(metric, picture, number) for metric in drawn) for number, picture in enumerate(picture_names(campaign))}


def drawn_metrics(campaign: Campaign) -> tuple[MetricInfo, ...]:
    """Metrics that are drawn for single pictures: all, or with many pictures the most important ones."""
    from ctc.records import AVG_METRICS

    metrics = metrics_in_order(campaign)
    room = max(1, LARGEST_COUNT // max(1, len(campaign.pictures)))
    chosen = sorted(metrics, key=lambda metric: metric.name not in AVG_METRICS)[:room]
    return tuple(metric for metric in metrics if metric in chosen)


def mean_lines(campaign: Campaign, values: Values, metric: str) -> tuple[Line, ...]:
    """Means over at least half of `drawn_pictures`; one over fewer than all is not complete: its neighbours are of other pictures."""
    pictures = drawn_pictures(values, metric)
    lines = []
    for number, codec in enumerate(codec_names(campaign)):
        cells = [cell for target in sorted(campaign.target_bpps) if (cell := values.get((codec, metric, target)))]
        # A mean over a few pictures beside means over all reads as a result that it is not.
        cells = [cell for cell in cells if 2 * len(cell) >= len(pictures)]
        bpps = tuple(fmean(bpp for _, bpp, _ in cell) for cell in cells)
        means = tuple(fmean(value for *_, value in cell) for cell in cells)
        lines.append(Line(number, codec, bpps, means, tuple({picture for picture, *_ in cell} == pictures for cell in cells)))
    return tuple(lines)


def drawn_pictures(values: Values, metric: str) -> set[str]:
    """Pictures that have a finite value of the metric at all. One that is too small for it has none from any codec."""
    return {picture for (_, name, _), cell in values.items() if name == metric for picture, *_ in cell}


def finite_values(campaign: Campaign) -> Values:
    """What can be drawn; infinite values (identical pictures) and missing ones cannot."""
    found: Values = {}
    for scored in campaign.scored:
        job = scored.coded.job
        for score in scored.scores:
            if score.value is not None and math.isfinite(score.value):
                found.setdefault((job.codec, score.metric, job.target_bpp), []).append((job.picture.name, scored.coded.bpp, score.value))
    return found


def swatch_symbol(number: int) -> str:
    """A codec's line and marker as an SVG <symbol> with the identifier `swatch-<number>`: a page uses it many times."""
    from matplotlib.figure import Figure

    with _page_style():
        figure = Figure(figsize=(0.45, 0.2))
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set_axis_off()
        axes.set_xlim(0, 2)
        axes.set_ylim(0, 2)
        _draw(axes, Line(number, "", (0.0, 1.0, 2.0), (1.0, 1.0, 1.0), (True,) * 3), markevery=[1])
        svg = _inline_svg(figure, f"swatch-{number}", "")
    content = svg[svg.index(">") + 1 : svg.rindex("</svg>")]
    return f'<symbol id="swatch-{number}" viewBox="0 0 {0.45 * 72:g} {0.2 * 72:g}">{content}</symbol>'


def _picture_lines(campaign: Campaign, values: Values, metric: str, picture: str) -> tuple[Line, ...]:
    lines = []
    for number, codec in enumerate(codec_names(campaign)):
        cells = [values.get((codec, metric, target), []) for target in sorted(campaign.target_bpps)]
        points = [(bpp, value) for cell in cells for name, bpp, value in cell if name == picture]
        lines.append(Line(number, codec, tuple(bpp for bpp, _ in points), tuple(value for _, value in points), (True,) * len(points)))
    return tuple(lines)


class _Paper:
    """Axes of one size that are drawn on again and again: setting them up takes longer than drawing."""

    def __init__(self, targets: Sequence[float], width_inches: float, height_inches: float) -> None:
        from matplotlib.figure import Figure
        from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

        self._figure = Figure(figsize=(width_inches, height_inches))
        left, bottom, rest = 0.62 / width_inches, 0.42 / height_inches, 0.12
        self._axes = self._figure.add_axes((left, bottom, 1 - left - rest / width_inches, 1 - bottom - rest / height_inches))
        self._axes.set_xscale("log", base=2)
        self._axes.xaxis.set_major_locator(FixedLocator(sorted(targets)))
        self._axes.xaxis.set_minor_locator(NullLocator())
        self._axes.xaxis.set_major_formatter(FuncFormatter(lambda bpp, _: f"{bpp:g}"))
        self._axes.yaxis.set_major_locator(MaxNLocator(6))
        if targets:
            self._axes.set_xlim(min(targets) / 1.25, max(targets) * 1.25)
        self._axes.set_xlabel("bpp")
        self._axes.grid(True)
        self._axes.set_axisbelow(True)

    def draw(self, lines: Sequence[Line], label: str, prefix: str) -> str:
        """The lines as inline SVG; what was drawn before is taken away."""
        for artist in [*self._axes.lines, *self._axes.texts]:
            artist.remove()
        for line in lines:
            _draw(self._axes, line)
        drawn = [line.codec for line in lines if line.values]
        if not drawn:
            self._axes.text(0.5, 0.5, "no finite values", transform=self._axes.transAxes, ha="center", va="center")
        self._axes.relim()
        self._axes.autoscale(axis="y")
        description = f"{label} over bits per pixel, one curve per codec: {', '.join(drawn) or 'none'}"
        return _inline_svg(self._figure, prefix, description)


def _draw(axes: Axes, line: Line, markevery: list[int] | None = None) -> None:
    """Complete points are joined; the others stand alone, hollow."""
    colour, marker = _CODEC[line.number % COLOURS], MARKERS[line.number % len(MARKERS)]
    points = list(zip(line.bpps, line.values, line.complete, strict=True))
    joined = [(bpp, value) for bpp, value, complete in points if complete]
    alone = [(bpp, value) for bpp, value, complete in points if not complete]
    dashes = _DASHES[line.number % len(_DASHES)]
    gid = f"line-{line.number}"
    if joined:
        style = (0, dashes) if dashes else "-"
        axes.plot(*zip(*joined, strict=True), color=colour, marker=marker, linestyle=style, markevery=markevery, gid=gid)
    if alone:
        axes.plot(*zip(*alone, strict=True), color=colour, marker=marker, linestyle="none", markerfacecolor=_PAPER, gid=gid)


@contextmanager
def _page_style() -> Iterator[None]:
    """Settings of every plot. The salt is fixed, so that the same campaign gives the same bytes."""
    import matplotlib

    style: Any = {
        "svg.fonttype": "none",
        "svg.hashsalt": "ctc",
        "font.size": 9,
        "axes.edgecolor": _AXIS,
        "axes.labelcolor": _AXIS,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.formatter.useoffset": False,
        "text.color": _AXIS,
        "xtick.color": _AXIS,
        "ytick.color": _AXIS,
        "xtick.major.size": 3,
        "ytick.major.size": 0,
        "grid.color": _GRID,
        "grid.linewidth": 0.6,
        "axes.linewidth": 0.8,
        "lines.linewidth": 1.6,
        "lines.markersize": 5,
        "figure.facecolor": "none",
        "axes.facecolor": "none",
    }
    with matplotlib.rc_context():
        matplotlib.rcParams.update(style)
        yield


def _inline_svg(figure: Figure, prefix: str, description: str) -> str:
    """The figure as an <svg> element for a page: themed, without namespaces, its identifiers its own."""
    from html import escape

    out = io.StringIO()
    figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    svg = out.getvalue()
    svg = svg[svg.index("<svg") :]
    # A <style> element would hold for the whole page, and fonts are the page's.
    svg = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", svg, flags=re.DOTALL)
    svg = re.sub(r' xmlns(:\w+)?="[^"]*"| version="1\.1"| font-family: [^;"]*;| transform="rotate\(-0 [^"]*"', "", svg)
    svg = _own_identifiers(svg.replace("xlink:href", "href"), prefix)
    label = f'role="img" aria-label="{escape(description)}"' if description else 'aria-hidden="true"'
    return re.sub(r"\s*\n\s*", "\n", svg.replace("<svg ", f"<svg {label} ", 1))


def _own_identifiers(svg: str, prefix: str) -> str:
    """Lines become classes, identifiers that are referred to get the prefix, colours become the page's; the rest goes."""
    svg = re.sub(r'id="(line-\d+)"', r'class="\1"', svg)
    used = set(re.findall(r"#([\w-]+)", svg))
    svg = re.sub(r' id="([^"]+)"', lambda match: f' id="{prefix}-{match[1]}"' if match[1] in used else "", svg)
    svg = re.sub(r'(href="#|url\(#)([\w-]+)', rf"\1{prefix}-\2", svg)
    names = {_AXIS: "var(--muted)", _GRID: "var(--rule)", _PAPER: "var(--paper)"} | {
        colour: f"var(--codec-{number})" for number, colour in enumerate(_CODEC)
    }
    return re.sub(r"#0[1-4]0[1-4][0-9a-f]{2}\b", lambda match: names.get(match[0], match[0]), svg)

"""What the rows of `metrics_speed` add up to, and whether the targets are met."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from benchmarks.programs import METRICS
from benchmarks.records import Row, Sum, together

SIX = tuple(name for name, compared in METRICS.items() if compared.one_of_six)
NORMAL_MP, LARGE_MP = 2.0, 50.0
"""The sizes that the targets name."""
SPEED_TARGET, THREADS_TARGET, GROWTH_TARGET, PEAK_TARGET_MIB = 15.0, 1.7, 1.2, 1536.0

BUSY_WALL_OVER_CPU = 1.1
"""On one thread of an idle machine wall and CPU time are the same."""

Figure = Callable[[tuple[str, ...], float], float | None]
"""(metrics together, megapixels) -> figure, None where it was not measured."""


def summary(rows: Sequence[Row]) -> Iterator[str]:
    """Lines of Markdown."""
    for metric, program, missing in sorted({(METRICS[row.metric].label, row.program, row.missing) for row in rows if row.missing}):
        yield f"\nLeft out: {metric} by {program}: {missing}."
    yield from _busy(rows)
    yield from _sums(rows)
    counts = sorted({row.threads for row in rows} - {1})
    for threads in counts:
        yield from _by_metric(f"Ours: how many times faster {threads} threads are than one (wall)", rows, _faster(rows, threads))
    yield from _by_metric("Ours: CPU ms per megapixel on one thread", rows, _per_megapixel(rows))
    yield from _by_metric("Ours: the same over that at 2 MP", rows, _growth(rows))
    yield from _by_metric("Ours: peak MiB above the pictures; of the six, the largest", rows, _peak(rows))
    yield from _targets(rows)


def _ours(row: Row) -> bool:
    return row.ours


def _official(row: Row) -> bool:
    return row.official


def _other(row: Row) -> bool:
    return not row.ours


def _busy(rows: Sequence[Row]) -> Iterator[str]:
    alone = [row.cost for row in rows if row.cost and row.threads == 1]
    waited = sum(cost.wall_s > BUSY_WALL_OVER_CPU * cost.cpu_s for cost in alone)
    if waited:
        yield f"\n**Provisional: in {waited} of {len(alone)} rows on one thread the program waited for the processor.**"


def _sums(rows: Sequence[Row]) -> Iterator[str]:
    yield "\nThe six metrics together, wall s / CPU s (–: not all six were measured)\n"
    yield from _header("MP", "threads", "ours", "official", "official over ours", "the fastest other of each", "fastest other over ours")
    for megapixels, threads in sorted({(row.megapixels, row.threads) for row in rows}):
        ours, official, other = (together(rows, SIX, megapixels, threads, wanted) for wanted in (_ours, _official, _other))
        cells = (_seconds(ours), _seconds(official), _ratios(official, ours), _seconds(other), _ratios(other, ours))
        yield f"| {megapixels:g} | {threads} | {' | '.join(cells)} |"


def _header(*columns: str) -> tuple[str, str]:
    return f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}"


def _seconds(total: Sum | None) -> str:
    return "–" if total is None else f"{total.wall_s:.3f} / {total.cpu_s:.3f}"


def _ratios(above: Sum | None, below: Sum | None) -> str:
    return "–" if above is None or below is None else f"{above.wall_s / below.wall_s:.1f} / {above.cpu_s / below.cpu_s:.1f}"


def _by_metric(title: str, rows: Sequence[Row], figure: Figure) -> Iterator[str]:
    sizes = sorted({row.megapixels for row in rows})
    measured = [name for name in METRICS if any(row.metric == name for row in rows)]
    lines = [(METRICS[name].label, (name,)) for name in measured] + [("the six", SIX)]
    figures = {label: [figure(names, megapixels) for megapixels in sizes] for label, names in lines}
    if all(value is None for values in figures.values() for value in values):
        return
    yield f"\n{title}\n"
    yield from _header("metric", *(f"{megapixels:g} MP" for megapixels in sizes))
    for label, values in figures.items():
        yield f"| {label} | {' | '.join('–' if value is None else f'{value:.3g}' for value in values)} |"


def _faster(rows: Sequence[Row], threads: int) -> Figure:
    def figure(names: tuple[str, ...], megapixels: float) -> float | None:
        one, several = (together(rows, names, megapixels, count, _ours) for count in (1, threads))
        return one.wall_s / several.wall_s if one and several else None

    return figure


def _per_megapixel(rows: Sequence[Row]) -> Figure:
    def figure(names: tuple[str, ...], megapixels: float) -> float | None:
        total = together(rows, names, megapixels, 1, _ours)
        return total.cpu_ms_per_mp if total else None

    return figure


def _growth(rows: Sequence[Row]) -> Figure:
    def figure(names: tuple[str, ...], megapixels: float) -> float | None:
        normal, here = (_per_megapixel(rows)(names, size) for size in (NORMAL_MP, megapixels))
        return here / normal if normal and here else None

    return figure


def _peak(rows: Sequence[Row]) -> Figure:
    def figure(names: tuple[str, ...], megapixels: float) -> float | None:
        costs = [row.cost for row in rows if row.ours and row.cost and row.metric in names and row.megapixels == megapixels]
        return max(cost.peak_bytes for cost in costs) / 2**20 if costs else None

    return figure


def _targets(rows: Sequence[Row]) -> Iterator[str]:
    ours, official = (together(rows, SIX, NORMAL_MP, 1, wanted) for wanted in (_ours, _official))
    speed = official.cpu_s / ours.cpu_s if ours and official else None
    complete = all(_peak(rows)((name,), LARGE_MP) is not None for name in SIX)
    peak = _peak(rows)(SIX, LARGE_MP) if complete else None
    yield "\nTargets, for the six together:\n"
    yield _verdict("times faster than the official code, 2 MP, one thread, CPU", speed, SPEED_TARGET, at_least=True)
    yield _verdict("times faster on two threads than on one, 2 MP, wall", _faster(rows, 2)(SIX, NORMAL_MP), THREADS_TARGET, at_least=True)
    yield _verdict("times the CPU per megapixel of 2 MP, at 50 MP", _growth(rows)(SIX, LARGE_MP), GROWTH_TARGET, at_least=False)
    yield _verdict("MiB above the pictures at most, 50 MP", peak, PEAK_TARGET_MIB, at_least=False)


def _verdict(what: str, value: float | None, target: float, *, at_least: bool) -> str:
    bound = f"target: {'at least' if at_least else 'at most'} {target:g}"
    if value is None:
        return f"- not measured: {what} ({bound})"
    met = value >= target if at_least else value <= target
    return f"- {'met' if met else 'NOT MET'}: {value:.4g} {what} ({bound})"

"""What a run would do: its jobs, the command line that each would start with, and how long it would take."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from ctc import datasets, pixels, plugins
from ctc.complexity.process import shell_line
from ctc.plan import Options, Plan, pilots_and_others, resolve
from ctc.ratecontrol import RateSearch
from ctc.stages import Unit, UnitResult, recall_unit
from ctc.store import Store


def describe(options: Options) -> str:
    """The jobs, one line each, and the estimate. Writes nothing but the picture hashes in the store."""
    plan = resolve(options)
    dataset = datasets.load(options.dataset, Store(options.cache), options.images, options.limit)
    pilots, others = pilots_and_others(dataset.pictures)
    pilot_units = plan.units(pilots)
    recalled = [result for result in map(recall_unit, pilot_units) if result is not None]
    units = [*pilot_units, *plan.units(others, recalled)]
    lines = [f"cannot be used: {failed.error}" for failed in dataset.failed]
    todo: list[Unit] = []
    for unit in units:
        done = recall_unit(unit)
        todo += [] if done else [unit]
        lines += list(_lines(unit, done))
    lines += ["", _estimate(plan, units, todo)]
    return "\n".join(lines)


def _lines(unit: Unit, done: UnitResult | None) -> Iterator[str]:
    codec = plugins.codecs()[unit.codec]
    # Never asked for a rate: only where each search would begin is wanted.
    search = RateSearch(lambda _setting: 0.0, codec.knob, unit.rate_tolerance, unit.offset)
    width, height = pixels.coded_size(unit.picture.width, unit.picture.height, codec.pixels)
    raw = pixels.raw_name(unit.picture.name, width, height, codec.pixels)
    source = Path(f"{unit.picture.name}.ppm" if codec.pixels.container == "ppm" else raw)
    for target in unit.target_bpps:
        head = f"{unit.codec} {unit.picture.name} {target:g} bpp"
        if done is not None:
            yield f"stored  {head}"
            continue
        setting = search.first_guess(target)
        command = codec.encode_command(source, Path(f"{unit.picture.name}.{unit.codec}.bits"), setting)
        yield f"to do   {head}, from {codec.knob.name} {setting:g}: {shell_line(command)}"


def _estimate(plan: Plan, units: list[Unit], todo: list[Unit]) -> str:
    workers = plan.options.workers
    longest = max((unit.expected_s for unit in todo), default=0.0)
    seconds = max(sum(unit.expected_s for unit in todo) / workers, longest)
    points = sum(len(unit.target_bpps) for unit in units)
    left = Counter({unit.codec: 0 for unit in units})
    left.update({unit.codec: 0 for unit in todo})
    for unit in todo:
        left[unit.codec] += len(unit.target_bpps)
    by_codec = ", ".join(f"{codec} {number}" for codec, number in left.items())
    on = f"{workers} worker{'s' if workers > 1 else ''}" if plan.options.scheduler is None else "one worker of the cluster"
    return f"{points} points, {sum(left.values())} to do ({by_codec}); about {seconds / 60:.1f} minutes on {on}"

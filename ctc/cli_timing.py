"""The options of `ctc run` that make a timing campaign."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from ctc.errors import UsageError
from ctc.timing.statistics import FEWEST
from ctc.timing.wanted import TimingWanted, wanted

Function = TypeVar("Function", bound=Callable[..., Any])

OPTIONS = (
    click.option(
        "--timing",
        is_flag=True,
        help="Then time encoder and decoder at every point again, one at a time on this machine, never by --workers or --scheduler. A "
        "campaign that was stopped goes on where it was; after a whole one the same command measures anew.",
    ),
    click.option("--timing-samples", type=int, metavar="N", help=f"Kept of each point and side, {FEWEST} or more. [default: {FEWEST}]"),
    click.option("--timing-rates", metavar="BPP,...", help="Only points at these of the target rates. [default: those of --rates]"),
    click.option(
        "--timing-images",
        multiple=True,
        metavar="GLOB",
        help="Only points of pictures whose name matches, as of --images; may be given several times. [default: all of the run]",
    ),
    click.option(
        "--timing-threads",
        type=click.IntRange(min=1),
        help="Processors to which codecs are bound, and threads of those that can use several. [default: 1]",
    ),
    click.option("--timing-reuse", is_flag=True, help="Show the last whole campaign under the same conditions, if there is one."),
)


def timing_options(function: Function) -> Function:
    """Adds them to a command."""
    for option in reversed(OPTIONS):
        function = option(function)
    return function


def chosen_timing(
    timing: bool,
    samples: int | None,
    rates: str | None,
    images: tuple[str, ...],
    threads: int | None,
    reuse: bool,
    target_bpps: Sequence[float],
) -> TimingWanted | None:
    """What they ask for; None without `--timing`. Raises UsageError."""
    from ctc.plan import parse_rates

    given = {"--timing-samples": samples, "--timing-rates": rates, "--timing-images": images or None, "--timing-threads": threads}
    given["--timing-reuse"] = reuse or None
    alone = [name for name, value in given.items() if value is not None]
    if not timing:
        if alone:
            raise UsageError(f"{alone[0]} says how --timing is done: give --timing too")
        return None
    chosen = None if rates is None else parse_rates(rates, "--timing-rates")
    return wanted(target_bpps, chosen, samples, threads, reuse=reuse, images=images)

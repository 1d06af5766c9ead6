"""The command that tries every device of a codec against every other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from ctc.cli_metrics import CHOSEN, DEVICE, GATE_FAILED, INTERNAL_BITS, names
from ctc.cli_pictures import RATE_TOLERANCE, of_a_set, time_limit_of
from ctc.errors import PictureError, UsageError
from ctc.protocols import Device
from ctc.records import BD_TARGET_BPPS, Interop


@click.command("interop")
@of_a_set
@click.option("--codecs", callback=names, help="Names with commas between. [default: those that have devices]")
@click.option(
    "--devices",
    callback=names,
    help="Names with commas between; the first finds the settings. [default: all but those broken on purpose or slow to start]",
)
@CHOSEN
@click.option("--rates", metavar="BPP,...", help=f"Target rates, four for BD-rates. [default: {','.join(map(str, BD_TARGET_BPPS))}]")
@RATE_TOLERANCE
@time_limit_of(3600.0)
@INTERNAL_BITS
@DEVICE
@click.option("--out", type=click.Path(path_type=Path), help="Folder for interop.txt, interop.csv and interop.json. [default: none]")
@click.option(
    "--cache", type=click.Path(path_type=Path), help="Folder of the store; `ctc run` finds the matrix there. [default: as of `ctc run`]"
)
def interop_command(
    dataset: str, images: tuple[str, ...], limit: int | None, allow_partial: bool, codecs: tuple[str, ...], devices: tuple[str, ...],
    metrics: tuple[str, ...], rates: str | None, rate_tolerance: float, time_limit: float, internal_bits: str, metric_device: Device,
    out: Path | None, cache: Path | None,
) -> int:  # fmt: skip
    """Encode on every device, decode on every other, and say what differs: integers, samples, metrics, BD-rates.

    Bitstreams are compared with decoding on the device that made them. Codecs without devices are encoded and decoded twice. The matrices
    are printed, kept in the store, and shown by every `ctc run` with these codecs on this machine; one with a device that is broken on
    purpose is not kept, nor one that is part of what is there and finds no more. A failure is shown until all that it tried holds.
    """
    from ctc import datasets, plugins, scorefiles
    from ctc.cli import default_cache
    from ctc.complexity.process import time_limit as limited
    from ctc.interop.candidate import Candidate
    from ctc.interop.exchange import Wanted, exchange
    from ctc.interop.matrix import holds
    from ctc.interop.stored import keep
    from ctc.plan import parse_rates
    from ctc.progress import Steps
    from ctc.protocols import Portable
    from ctc.report.interop_table import text_matrix
    from ctc.store import Store, check_folder
    from ctc.together import Setting

    target_bpps = parse_rates(rates) if rates is not None else BD_TARGET_BPPS
    chosen = codecs or tuple(name for name, codec in plugins.codecs().found.items() if isinstance(codec, Portable))
    tested = [Candidate.of(plugins.codecs()[name], devices) for name in chosen]
    if not tested:
        raise UsageError("no codec here has devices: name codecs with --codecs")
    for each in tested:
        each.codec.version()
    if out is not None:
        check_folder("--out", out)
    store = Store((cache or default_cache()).expanduser().absolute())
    found = datasets.load(dataset, store, images, limit, allow_partial=allow_partial, locking=False)
    if found.failed:
        raise PictureError(found.failed[0].error)
    scored_by = tuple(scorefiles.chosen_metrics(metrics, metric_device, {picture.transfer for picture in found.pictures}))
    wanted = Wanted(found.pictures, target_bpps, rate_tolerance, scored_by, Setting(int(internal_bits), metric_device))
    results, told = [], Steps()
    with limited(time_limit):
        for each in tested:
            results.append(exchange(each, wanted, told))
            click.echo(text_matrix(results[-1]) + "\n")
            if not any(device.broken for device in each.devices) and (why := keep(store, results[-1])):
                click.echo(f"{each.codec.name}: {why}\n")
    if out is not None:
        _write(out, results)
    return 0 if all(map(holds, results)) else GATE_FAILED


def _write(folder: Path, results: Sequence[Interop]) -> None:
    from ctc.report.as_csv import csv_text
    from ctc.report.interop_table import as_json, cell_columns, cell_rows, text_matrix
    from ctc.store import explained, write_whole

    contents = {
        "interop.txt": "\n\n".join(map(text_matrix, results)).encode() + b"\n",
        "interop.csv": csv_text(cell_columns(results), cell_rows(results)),
        "interop.json": as_json(results),
    }
    with explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            write_whole(folder / name, content)

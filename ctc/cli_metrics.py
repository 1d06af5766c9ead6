"""The commands about metrics alone: score pictures that are there already, list the metrics, verify them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ctc.errors import UsageError
from ctc.protocols import Device, Metric

if TYPE_CHECKING:
    from ctc.scorefiles import ScoredPair

GATE_FAILED = 3


def names(_context: click.Context, _parameter: click.Parameter, value: str | None) -> tuple[str, ...]:
    """Names with commas between, without repetitions."""
    if value is not None and not value.strip(", "):
        raise click.BadParameter("names with commas between are wanted")
    return tuple(dict.fromkeys(part.strip() for part in (value or "").split(",") if part.strip()))


CHOSEN = click.option(
    "--metrics",
    callback=names,
    help="Names with commas between, all, or +NAME for one besides the default ones. [default: all but those marked extra]",
)
DEVICE = click.option(
    "--metric-device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True, help="Where metrics are computed that can."
)
INTERNAL_BITS = click.option(
    "--internal-bits", type=click.Choice(["8", "10"]), default="10", show_default=True, help="Grid on which metrics see samples."
)


@click.command("score")
@click.argument("reference", type=click.Path(path_type=Path))
@click.argument("distorted", type=click.Path(path_type=Path), nargs=-1)
@click.option("--set", "dataset", help="REFERENCE is a folder in the official layout; the original pictures are this set.")
@click.option("--data", "folder", type=click.Path(path_type=Path), help="The same, the original pictures in a folder.")
@click.option("--anchor", help="With --data: the codec that BD-rates compare with. [default: published:vvc if it has the pictures]")
@click.option("--out", type=click.Path(path_type=Path), help="With --data: folder of tables and page. [default: results/<folder>]")
@click.option("--cache", type=click.Path(path_type=Path), help="With --data: folder of the store. [default: $CTC_CACHE or .cache/ctc]")
@CHOSEN
@INTERNAL_BITS
@DEVICE
@click.option("--threads", type=click.IntRange(1, 256), help="Threads of one metric; no digit depends on it. [default: all cores]")
@click.option(
    "--csv", "csv_file", type=click.Path(path_type=Path), help="Also write reference,distorted and a column per metric; not with --data."
)
def score_command(
    reference: Path, distorted: tuple[Path, ...], dataset: str | None, folder: Path | None, anchor: str | None, out: Path | None,
    cache: Path | None, metrics: tuple[str, ...], internal_bits: str, metric_device: Device, threads: int | None, csv_file: Path | None,
) -> int:  # fmt: skip
    """Score DISTORTED pictures against REFERENCE: files, or two folders with the same names.

    With --data or --set, REFERENCE is a folder in the official layout: bitstreams in CODEC/bit and reconstructions in CODEC/rec, named
    CODEC_PICTURE_RATE. Tables and page are made of them as of a run; to see them beside those of a run: ctc run --external FOLDER.
    """
    if dataset is not None or folder is not None:
        if distorted or csv_file is not None:
            raise UsageError(f"{'DISTORTED pictures' if distorted else '--csv'}: not with --data; the tables are in --out")
        return _score_official(reference, dataset, folder, anchor, out, cache, metrics, internal_bits, metric_device, threads)
    for option, value in (("--anchor", anchor), ("--out", out), ("--cache", cache)):
        if value is not None:
            raise UsageError(f"{option}: only with --data, for a folder in the official layout")
    if not distorted:
        raise UsageError("Missing argument 'DISTORTED...'; or is it a folder in the official layout? Then give the originals with --data")
    from ctc import scorefiles
    from ctc.complexity.machine import machine
    from ctc.picturefiles import SUFFIXES
    from ctc.store import explained, write_whole
    from ctc.together import Setting

    pairs = scorefiles.pairs(reference, distorted)
    chosen = scorefiles.chosen_metrics(metrics, metric_device, scorefiles.transfers_of(path for path, _ in pairs))
    if csv_file is not None and (csv_file.is_dir() or not csv_file.absolute().parent.is_dir()):
        raise UsageError(f"--csv {csv_file}: is a folder or lies in none; give the name of a file in a folder that exists")
    if csv_file is not None and csv_file.suffix.lower() in SUFFIXES:
        raise UsageError(f"--csv {csv_file}: is the name of a picture; give one that ends in .csv")
    scored: list[scorefiles.ScoredPair] = []
    try:
        setting = Setting(int(internal_bits), metric_device, threads or machine().cores)
        for pair in scorefiles.score(pairs, chosen, setting):
            scored.append(pair)
            click.echo(_shown(pair, chosen))
    finally:
        # What was scored before a picture that cannot be read is not lost.
        if csv_file is not None and scored:
            with explained(csv_file.parent):
                write_whole(csv_file, scorefiles.as_csv(scored, chosen))
    return 0


def _score_official(
    layout: Path, dataset: str | None, folder: Path | None, anchor: str | None, out: Path | None, cache: Path | None,
    metrics: tuple[str, ...], internal_bits: str, metric_device: Device, threads: int | None,
) -> int:  # fmt: skip
    from ctc.cli_anchors import chosen_pictures
    from ctc.cli_outside import tables
    from ctc.complexity.machine import machine
    from ctc.outside.folder import open_folder

    source, pictures = open_folder(layout), chosen_pictures(dataset, folder)
    return tables(
        [source],
        pictures,
        anchor,
        out or Path("results") / source.path.name,
        cache,
        metrics=metrics,
        internal_bits=int(internal_bits),
        metric_device=metric_device,
        metric_threads=threads or machine().cores,
    )


def _shown(pair: ScoredPair, metrics: Sequence[Metric]) -> str:
    from ctc.report.wording import significant

    width = max(len(metric.name) for metric in metrics)
    lines = [f"{pair.distorted} against {pair.reference}"]
    for metric, score in zip(metrics, pair.scores, strict=True):
        value = f"{significant(score.value)} {metric.info.unit}".rstrip() if score.value is not None else f"undefined: {score.reason}"
        lines.append(f"  {score.metric:{width}}  {value}")
    return "\n".join(lines)


@click.group("metrics")
def metrics_group() -> None:
    """Look at the metrics: what they are, and how near they come to the official values."""


@metrics_group.command("list")
def metrics_list_command() -> int:
    """List the metrics: direction, range, which program they equal, version, where they can be computed."""
    from ctc import plugins
    from ctc.errors import ToolMissing

    for name, metric in plugins.metrics().found.items():
        info = metric.info
        try:
            version = metric.version()
        except ToolMissing as error:
            version = f"missing: {error}"
        unit = f" {info.unit}" if info.unit else ""
        click.echo(f"{name}{' (extra: only when asked for by name)' if metric.extra else ''}")
        click.echo(f"  {'higher' if info.higher_is_better else 'lower'} is better, {info.range}{unit}; sees {SEES[metric.wants]}")
        click.echo(f"  defined by  {info.reference}")
        click.echo(f"  equals      {info.equals}")
        click.echo(f"  version     {version}")
        click.echo(f"  devices     {'cpu, cuda' if metric.on_cuda else 'cpu'}")
    return 0


SEES = {"y": "luma", "yuv": "Y'CbCr 4:4:4", "rgb": "RGB"}


@metrics_group.command("verify")
@CHOSEN
@DEVICE
@click.option("--golden", type=click.Path(path_type=Path), help="Folder with golden.csv and its pictures instead of the pairs that ship.")
def metrics_verify_command(metrics: tuple[str, ...], metric_device: Device, golden: Path | None) -> int:
    """Compute the golden pairs and print the largest difference of each metric to the official values."""
    from ctc import parity, scorefiles
    from ctc.report.wording import parity_table

    pairs = parity.shipped_pairs() if golden is None else parity.pairs_in(golden)
    named = {name: None for pair in pairs for name in pair.golden} if isinstance(pairs, list) else {}
    chosen = scorefiles.chosen_metrics(metrics or tuple(named), metric_device)
    found = parity.compare(pairs, chosen, metric_device)
    click.echo(parity_table(found))
    return 0 if all(each.holds for each in found if each.pairs) and any(each.pairs for each in found) else GATE_FAILED

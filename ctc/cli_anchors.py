"""The commands about anchors: prove that one is the published one, or that of another laboratory, and lock one's own."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ctc.cli_metrics import names
from ctc.cli_pictures import CACHE, IMAGES, LIMIT, time_limit_of
from ctc.errors import DataSetMissing, UsageError

if TYPE_CHECKING:
    from ctc.notary.verdict import Verdict
    from ctc.plan import Options

OTHER = 1
"""Exit status where the anchor is not shown to be the same."""

UNSCORED = ("psnr_y",)
"""Metrics of what codes but does not score: the one that needs no program. None would mean all."""

SHARED: tuple[Callable[[Any], Any], ...] = (
    click.option("--set", "dataset", help="A set of datasets.yaml."),
    click.option("--data", "folder", type=click.Path(path_type=Path), help="A folder of pictures, instead of --set."),
    IMAGES,
    LIMIT,
    CACHE,
    click.option("--workers", type=click.IntRange(1, 1024), default=1, show_default=True, help="Local processes."),
    time_limit_of(86400.0),
)


def shared(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that all commands which code pictures have."""
    for option in reversed(SHARED):
        command = option(command)
    return command


@click.group("anchors")
def anchors_group() -> None:
    """Prove that an anchor is the published one, or that of another laboratory."""


@anchors_group.command("list")
def anchors_list_command() -> int:
    """List the published points that ship with ctc."""
    from ctc.published.points import PREFIX, load, shipped

    for name in shipped():
        published = load(name)
        pictures = {point.picture for point in published.points}
        click.echo(f"{PREFIX}{name:12} {len(published.points)} points of {len(pictures)} pictures; {published.source}")
        click.echo(f"{'':22} bytes, bpp, {', '.join(published.metrics)}")
    return 0


@anchors_group.command("verify")
@click.option("--codec", help="The codec that is to be shown to be the anchor. [default: vvc-vtm, or the one of the lock]")
@click.option("--published", metavar="NAME|FILE", help="Published points: a shipped set, a CSV file or an official summary. [default: vvc]")
@click.option("--lock", "lock_file", type=click.Path(path_type=Path), help="A lock file instead of published points.")
@click.option("--metrics", callback=names, help="Only these of the published metrics.")
@click.option("--metric-threads", type=click.IntRange(1, 256), default=1, show_default=True, help="Threads of one metric, in each worker.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder of anchor.csv and anchor.md. [default: results/anchor-<codec>]")
@shared
def anchors_verify_command(
    codec: str | None, published: str | None, lock_file: Path | None, metrics: tuple[str, ...], metric_threads: int, out: Path | None,
    **where: Any,
) -> int:  # fmt: skip
    """Code the pictures that are there at the published or locked points and compare: bytes, bpp and metrics, or bytes and hashes.

    Exit status 0 where all is the same, 1 where something is not.
    """
    from ctc.notary import lock, tables
    from ctc.notary import published as publication
    from ctc.published.points import load
    from ctc.records import CTC_ANCHOR
    from run_ctc import check_output

    if lock_file is not None and (published is not None or metrics):
        raise UsageError(f"--lock {lock_file}: has bytes and hashes; leave out {'--published' if published is not None else '--metrics'}")
    locked = lock.read(lock_file) if lock_file is not None else []
    points = load(published or "vvc") if lock_file is None else None
    name = codec or (locked[0].codec if locked else CTC_ANCHOR)
    wanted = publication.metrics_of(points, metrics) if points else UNSCORED
    options = _options(name, out or Path("results") / f"anchor-{name}", wanted, metric_threads=metric_threads, **where)
    check_output(options)
    verdict = publication.verify(options, points) if points else lock.verify(options, locked, str(lock_file))
    _write(verdict, options)
    click.echo(tables.as_text(verdict))
    click.echo(f"tables: {options.out / 'anchor.md'}, {options.out / 'anchor.csv'}")
    return 0 if verdict.holds else OTHER


@anchors_group.command("lock")
@click.option("--codec", required=True)
@click.option("--rates", metavar="BPP,...", help="Target rates, or 'all' nine. [default: 0.06,0.12,0.25,0.5,0.75]")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The lock file to write, e.g. hevc-hm.lock.csv.")
@shared
def anchors_lock_command(codec: str, rates: str | None, out: Path, **where: Any) -> int:
    """Code pictures and write what came out, bytes and hashes of each point, for others to verify against."""
    from ctc.notary import lock
    from ctc.plan import parse_rates
    from ctc.records import BD_TARGET_BPPS
    from ctc.store import explained, write_whole
    from run_ctc import check_output

    if out.is_dir():
        raise UsageError(f"--out {out}: is a folder; give the name of the lock file")
    targets = parse_rates(rates) if rates is not None else BD_TARGET_BPPS
    options = _options(codec, out.absolute().parent, UNSCORED, target_bpps=targets, **where)
    check_output(options)
    content, left_out, failed = lock.make(options)
    for line in (*left_out, *(f"failed: {each.picture}: {each.stage}: {each.error}" for each in failed)):
        click.echo(line)
    if failed:
        click.echo(f"ctc: {out} was not written: a lock is whole or not at all; what was coded is kept", err=True)
        return 1
    with explained(options.out):
        options.out.mkdir(parents=True, exist_ok=True)
        write_whole(out, content)
    # The heading and the names of the columns are no points.
    click.echo(f"{len(content.splitlines()) - 2} points of {codec} locked in {out}")
    return 0


def _options(
    codec: str,
    out: Path,
    metrics: tuple[str, ...],
    dataset: str | None,
    folder: Path | None,
    cache: Path | None,
    time_limit: float,
    **rest: Any,
) -> Options:
    from ctc.cli import default_cache
    from ctc.plan import Options

    command = shlex.join(["ctc", *sys.argv[1:]])
    cache = (cache or default_cache()).expanduser().absolute()
    named = chosen_pictures(dataset, folder)
    return Options(named, out.absolute(), cache, command, codecs=(codec,), anchor=codec, metrics=metrics, time_limit_s=time_limit, **rest)


def chosen_pictures(dataset: str | None, folder: Path | None) -> str:
    """What --set or --data names. Raises UsageError for both or neither, DataSetMissing where there is no such folder."""
    if (dataset is None) == (folder is None):
        raise UsageError("the pictures are wanted: --set NAME or --data FOLDER, one of the two")
    if folder is None:
        return str(dataset)
    if not folder.expanduser().is_dir():
        raise DataSetMissing(f"--data {folder}: there is no such folder")
    return str(folder.expanduser().absolute())


def _write(verdict: Verdict, options: Options) -> None:
    from ctc.notary import tables
    from ctc.store import explained, write_whole

    with explained(options.out):
        options.out.mkdir(parents=True, exist_ok=True)
        write_whole(options.out / "anchor.csv", tables.as_csv(verdict))
        write_whole(options.out / "anchor.md", tables.as_markdown(verdict))

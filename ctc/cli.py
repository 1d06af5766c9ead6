"""The command line. Every error of ours ends as one line on stderr and its exit status; results go to stdout, progress to stderr."""

from __future__ import annotations

import os
import shlex
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from ctc import __version__
from ctc.cli_anchors import anchors_group
from ctc.cli_complexity import complexity_command
from ctc.cli_datasets import datasets_group
from ctc.cli_interop import interop_command
from ctc.cli_metrics import CHOSEN, DEVICE, GATE_FAILED, INTERNAL_BITS, metrics_group, names, score_command
from ctc.cli_outside import BESIDE, import_command
from ctc.cli_pictures import CACHE, RATE_TOLERANCE, of_a_set, time_limit_of
from ctc.cli_timing import chosen_timing, timing_options
from ctc.errors import CtcError, ToolMissing, UsageError
from ctc.plan import EMBEDDED_CODECS, Options, parse_rates
from ctc.protocols import Device, External, Varied
from ctc.records import BD_TARGET_BPPS, NOTHING_SAID, Campaign, Transfer

INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line and exits with its status. Being terminated is an interruption like any other."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        status = cli.main(args=list(arguments) if arguments is not None else None, prog_name="ctc", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.NoArgsIsHelpError as bare:
        click.echo(bare.ctx.get_help() if bare.ctx else "see `ctc --help`", err=True)
        status = 2
    except click.exceptions.Exit as ending:
        status = ending.exit_code
    except click.UsageError as error:
        where = f" (see `{error.ctx.command_path} --help`)" if error.ctx else ""
        status = _complain(f"{error.format_message()}{where}", 2)
    except click.ClickException as error:
        status = _complain(error.format_message(), 2)
    except CtcError as error:
        status = _complain(str(error), error.exit_status)
    except (KeyboardInterrupt, click.Abort):
        status = _complain("interrupted; a run continues where it was when it is started again", INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 0
    except OSError as error:
        from ctc.store import FULL

        if error.errno not in FULL:
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = _complain(f"{error.filename or 'standard output'} cannot be written: {error.strerror}", 1)
    sys.exit(status or 0)


def _complain(message: str, status: int) -> int:
    click.echo(f"ctc: {message}", err=True)
    return status


def default_cache() -> Path:
    """$CTC_CACHE or .cache/ctc."""
    return Path(os.environ.get("CTC_CACHE", ".cache/ctc"))


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def cli() -> None:
    """Evaluate image codecs under the JPEG AI common test conditions."""


@cli.command("run")
@of_a_set
@click.option("--codecs", callback=names, help=f"Names with commas between. [default: {','.join(EMBEDDED_CODECS)}]")
@CHOSEN
@click.option(
    "--rates", metavar="BPP,...", help=f"Target rates, or 'all' nine. [default: {','.join(f'{rate:g}' for rate in BD_TARGET_BPPS)}]"
)
@click.option(
    "--anchor",
    help="Codec that BD-rates compare with, or published:vvc. [default: vvc-vtm if it is run, published:vvc of --set test, else vvc-vvenc]",
)
@click.option("--external", type=click.Path(path_type=Path), multiple=True, help="Points of others: an official folder or summary.")
@BESIDE
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the tables and the page. [default: results/<set>]")
@CACHE
@click.option("--workers", type=click.IntRange(1, 1024), default=1, show_default=True, help="Local processes.")
@click.option("--scheduler", metavar="ADDRESS", help="A Dask cluster, e.g. tcp://host:8786; its workers must see the same folders.")
@RATE_TOLERANCE
@time_limit_of(3600.0)
@INTERNAL_BITS
@DEVICE
@click.option("--metric-threads", type=click.IntRange(1, 256), default=1, show_default=True, help="Threads of one metric, in each worker.")
@click.option("--fail-fast", is_flag=True, help="Stop at the first failure.")
@timing_options
@click.option("--dry-run", is_flag=True, help="Print the jobs, their first command lines and an estimate of the time; do nothing.")
@click.option("--list", "list_only", is_flag=True, help="List sets, codecs and metrics; do nothing.")
def run_command(
    dataset: str, images: tuple[str, ...], limit: int | None, allow_partial: bool, codecs: tuple[str, ...], metrics: tuple[str, ...],
    rates: str | None, anchor: str | None, external: tuple[Path, ...], beside: tuple[str, ...], out: Path | None,
    cache: Path | None, workers: int, scheduler: str | None, rate_tolerance: float,
    time_limit: float, internal_bits: str, metric_device: Device, metric_threads: int, fail_fast: bool, dry_run: bool, list_only: bool,
    timing: bool, timing_samples: int | None, timing_rates: str | None, timing_images: tuple[str, ...],
    timing_threads: int | None, timing_reuse: bool,
) -> int:  # fmt: skip
    """Take a picture set through the codecs at the target rates, score, check, and write tables and a page."""
    if list_only:
        return _list()
    from ctc.outside.sources import open_source
    from ctc.published.configurations import load

    target_bpps = parse_rates(rates) if rates is not None else BD_TARGET_BPPS
    options = Options(
        dataset=dataset,
        out=(out or Path("results") / _result_name(dataset)).absolute(),
        cache=(cache or default_cache()).expanduser().absolute(),
        command=shlex.join(["ctc", *sys.argv[1:]] if sys.argv[1:2] == ["run"] else ["ctc", "run", *sys.argv[1:]]),
        images=images,
        limit=limit,
        allow_partial=allow_partial,
        codecs=codecs or EMBEDDED_CODECS,
        metrics=metrics,
        target_bpps=target_bpps,
        anchor=anchor,
        workers=workers,
        scheduler=scheduler,
        rate_tolerance=rate_tolerance,
        time_limit_s=time_limit,
        fail_fast=fail_fast,
        internal_bits=int(internal_bits),
        metric_device=metric_device,
        metric_threads=metric_threads,
        external=tuple(map(open_source, external)),
        beside=tuple(map(load, beside)),
        timing=chosen_timing(timing, timing_samples, timing_rates, timing_images, timing_threads, timing_reuse, target_bpps),
    )
    if dry_run:
        from ctc.dryrun import describe

        click.echo(describe(options))
        return 0
    from run_ctc import run

    campaign = run(options)
    click.echo(summary_text(campaign, options))
    return exit_status(campaign)


def _result_name(dataset: str) -> str:
    """Name of a set, or of a folder however it was written."""
    from ctc.sets.places import entry_named_in

    name, equals, _ = dataset.partition("=")
    if equals and entry_named_in(dataset) is not None:
        return name
    folder = Path(dataset).expanduser()
    return folder.resolve().name if folder.is_dir() else folder.name


def summary_text(campaign: Campaign, options: Options) -> str:
    """What a person at a terminal needs: the table, what is wrong, where the page is."""
    from ctc.report.terminal import terminal_table
    from ctc.report.timing_wording import timing_text

    counts = campaign.counts
    reused = counts.encodes_reused + counts.decodes_reused + counts.scores_reused
    lines = [
        terminal_table(campaign),
        "",
        *timing_text(campaign),
        f"{len(campaign.scored)} points in {campaign.wall_s:.0f} s",
        f"{counts.encodes_run} encodes, {counts.decodes_run} decodes and {counts.scores_run} scores made, {reused} results from the store",
        *(f"failed: {failed.codec or 'picture'} {failed.picture}: {failed.error}" for failed in campaign.failed),
        f"report: {options.out / 'report.html'}",
    ]
    return "\n".join(lines)


def exit_status(campaign: Campaign) -> int:
    """1 where something failed, 3 where the table is not valid."""
    from ctc.report.overview import status_of

    if campaign.failed or (campaign.timing is not None and campaign.timing.failed):
        return 1
    return 0 if status_of(campaign).valid else GATE_FAILED


@cli.command("list")
def list_command() -> int:
    """List the picture sets, codecs, metrics and reports that are known."""
    return _list()


def _list() -> int:
    from ctc import plugins
    from ctc.sets.places import named_sets

    click.echo("sets")
    for name, entry in named_sets().items():
        click.echo(f"  {name:22} {entry.about}")
    click.echo("codecs")
    for name, codec in plugins.codecs().found.items():
        click.echo(f"  {name:22} {codec.citation}{'; ' + codec.note if codec.note else ''}")
        if isinstance(codec, Varied) and (switches := codec.switches()):
            places = (one[0] if len(one) == 1 else f"({' or '.join(one)})" for one in switches)
            click.echo(f"  {'':22} also with any of its tools, in this order: {name}+{'+'.join(places)}")
        if isinstance(codec, External):
            click.echo(f"  {'':22} {_whereabouts(codec)}")
    click.echo("metrics")
    for name, metric in plugins.metrics().found.items():
        click.echo(
            f"  {name:22} {'higher' if metric.info.higher_is_better else 'lower'} is better, {metric.info.range}; {metric.info.reference}"
        )
    click.echo("reports")
    for name, report in plugins.reports().found.items():
        click.echo(f"  {name:22} {report.file_name}")
    for registry in (plugins.codecs(), plugins.metrics(), plugins.reports()):
        for module, reason in registry.broken.items():
            click.echo(f"cannot be imported: {module}: {reason}", err=True)
    return 0


def _whereabouts(codec: External) -> str:
    try:
        return f"found at {codec.locate()}"
    except ToolMissing as missing:
        return str(missing)


@cli.command("doctor")
def doctor_command() -> int:
    """Say for each codec and metric what was found, where, and which version, or how to get it."""
    from ctc.doctor import examine

    lines, healthy = examine()
    click.echo("\n".join(lines))
    return 0 if healthy else 4


@cli.command("encode")
@click.argument("picture", type=click.Path(path_type=Path))
@click.argument("bitstream", type=click.Path(path_type=Path))
@click.option("--codec", required=True)
@click.option("--setting", type=float, required=True, help="The codec's own setting, e.g. a QP, as in points.csv.")
@click.option("--set", "dataset", default="", help="The set of datasets.yaml that PICTURE is of, for what its entry says of light.")
def encode_command(picture: Path, bitstream: Path, codec: str, setting: float, dataset: str) -> int:
    """Encode PICTURE to BITSTREAM as a run does: reproduces one point."""
    from ctc.sets.places import place_of
    from ctc.single import encode

    click.echo(encode(picture, bitstream, codec, setting, place_of(dataset).light if dataset else NOTHING_SAID))
    return 0


@cli.command("decode")
@click.argument("bitstream", type=click.Path(path_type=Path))
@click.argument("picture", type=click.Path(path_type=Path))
@click.option("--codec", required=True)
@click.option("--size", metavar="WIDTHxHEIGHT", help="Size of the source; needed where the decoder gives samples alone (HEVC, VVC).")
@click.option("--bit-depth", type=click.Choice(["8", "16"]), default="8", show_default=True, help="Bit depth of the source.")
@click.option("--transfer", type=click.Choice(["sdr", "pq"]), default="sdr", show_default=True, help="That of the source; HDR is pq.")
def decode_command(bitstream: Path, picture: Path, codec: str, size: str | None, bit_depth: str, transfer: Transfer) -> int:
    """Decode BITSTREAM to PICTURE (PNG) as a run does, and print the hash of its samples."""
    from ctc.single import decode

    click.echo(decode(bitstream, picture, codec, size, int(bit_depth), transfer))
    return 0


@cli.group("cache")
def cache_group() -> None:
    """Look at the store."""


@cache_group.command("show")
@CACHE
def cache_show_command(cache: Path | None) -> int:
    """Count what is stored, by kind."""
    from ctc.store import Store

    root = (cache or default_cache()).expanduser().absolute()
    if not root.is_dir():
        raise UsageError(f"--cache {root}: there is no store")
    for kind, number, size in Store(root).contents():
        click.echo(f"{kind:10} {number:8} results {size / 1e6:10.1f} MB")
    return 0


cli.add_command(score_command)
cli.add_command(anchors_group)
cli.add_command(import_command)
cli.add_command(metrics_group)
cli.add_command(datasets_group)
cli.add_command(complexity_command)
cli.add_command(interop_command)


if __name__ == "__main__":
    main()

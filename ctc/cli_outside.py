"""Tables of what others made: `ctc import SUMMARY.txt`, and `ctc score FOLDER --data ORIGINALS` for the official layout."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ctc.cli_anchors import chosen_pictures
from ctc.cli_metrics import names
from ctc.cli_pictures import CACHE
from ctc.errors import UsageError
from ctc.outside.anchor import PUBLISHED_BITS

if TYPE_CHECKING:
    from ctc.datasets import Dataset
    from ctc.outside.sources import OutsideSource

BESIDE = click.option(
    "--beside", callback=names, metavar="NAME|FILE,...", help="Published tables shown beside ours: vm4, vm5, or CSV files of their columns."
)


@click.command("import")
@click.argument("summaries", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option("--set", "dataset", help="The pictures, a set of datasets.yaml; needed where their names carry no sizes.")
@click.option("--data", "folder", type=click.Path(path_type=Path), help="The pictures, a folder, instead of --set.")
@click.option("--codec", default="", help="What the names of reconstructions begin with. [default: all up to the first underscore]")
@click.option(
    "--anchor",
    help="Codec of a summary that BD-rates compare with, or published:vvc. [default: that where it has a picture, or the first]",
)
@click.option("--metrics", callback=names, help="Only these of the metrics that the summaries have.")
@BESIDE
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the tables and the page. [default: results/<first summary>]")
@CACHE
def import_command(
    summaries: tuple[Path, ...], dataset: str | None, folder: Path | None, codec: str, anchor: str | None, metrics: tuple[str, ...],
    beside: tuple[str, ...], out: Path | None, cache: Path | None,
) -> int:  # fmt: skip
    """Make tables and a page of official summaries. Nothing is coded or scored."""
    from ctc.datasets import Dataset
    from ctc.outside.summary import open_summary
    from ctc.published.configurations import load
    from ctc.published.points import PREFIX, shipped

    opened = [open_summary(path, codec) for path in summaries]
    known = tuple(dict.fromkeys(metric for source in opened for metric in source.metrics))
    wanted = tuple(metric for metric in known if not metrics or metric in metrics)
    if not wanted:
        raise UsageError(f"--metrics {','.join(metrics)}: the summaries have {', '.join(known) or 'none'}")
    codecs = dict.fromkeys(name for source in opened for name in source.codecs)
    if anchor is not None and anchor not in codecs and not anchor.startswith(PREFIX):
        published = ", ".join(f"{PREFIX}{name}" for name in shipped())
        raise UsageError(f"--anchor {anchor}: the summaries have {', '.join(codecs)}; published are {published}")
    pictures = None
    if dataset is None and folder is None:
        every = {picture.name: picture for source in opened for picture in source.pictures()}
        pictures = Dataset(summaries[0].stem, tuple(every[name] for name in sorted(every)), ())
    chosen = chosen_pictures(dataset, folder) if pictures is None else str(summaries[0])
    return tables(
        opened, chosen, anchor, out or Path("results") / summaries[0].stem, cache, pictures, metrics=wanted, beside=tuple(map(load, beside))
    )


def tables(
    sources: Sequence[OutsideSource],
    pictures: str,
    anchor: str | None,
    out: Path,
    cache: Path | None,
    dataset: Dataset | None = None,
    internal_bits: int = PUBLISHED_BITS,
    **rest: Any,
) -> int:
    """Writes the reports of the points of others, prints the table, and gives the exit status."""
    from ctc import datasets
    from ctc.cli import default_cache, exit_status, summary_text
    from ctc.plan import Options
    from ctc.store import Store
    from run_ctc import run

    store = (cache or default_cache()).expanduser().absolute()
    dataset = dataset or datasets.load(pictures, Store(store), allow_partial=True, locking=False)
    default = _default_anchor(sources, [picture.name for picture in dataset.pictures], internal_bits) if anchor is None else ""
    options = Options(
        dataset=pictures,
        out=out.absolute(),
        cache=store,
        command=shlex.join(["ctc", *sys.argv[1:]]),
        codecs=(),
        target_bpps=tuple(sorted({target for source in sources for target in source.target_bpps})),
        anchor=anchor or default,
        external=tuple(sources),
        internal_bits=internal_bits,
        **rest,
    )
    campaign = run(options, dataset)
    click.echo(summary_text(campaign, options))
    if default in sources[0].codecs:
        click.echo(f"BD-rates compare with {default}, the first codec there is: {sources[0].source}; --anchor names another")
    return exit_status(campaign)


def _default_anchor(sources: Sequence[OutsideSource], pictures: Iterable[str], internal_bits: int) -> str:
    """The published anchor where it has points of a picture and its grid is that of the scores, else the first codec."""
    from ctc.published.points import PREFIX, load, shipped

    for name in shipped():
        published = load(name)
        if internal_bits == PUBLISHED_BITS and any(published.of(picture) for picture in pictures):
            return f"{PREFIX}{name}"
    return sources[0].codecs[0]

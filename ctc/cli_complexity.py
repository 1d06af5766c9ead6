"""`ctc complexity`: what encoders and decoders compute for the pictures of a set."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ctc.cli_metrics import names
from ctc.cli_pictures import CACHE, of_a_set
from ctc.complexity.instructions import ASKED
from ctc.errors import UsageError

if TYPE_CHECKING:
    from ctc.complexity.survey import ProgramCost
    from ctc.records import Picture, PictureMacs


@click.command("complexity")
@of_a_set
@click.option("--codecs", callback=names, help="Names with commas between. [default: the learned codecs]")
@click.option("--rate", type=click.FloatRange(0.001, 48), default=0.25, show_default=True, help="bpp at which pictures are about coded.")
@click.option(
    "--instructions", type=click.Choice(ASKED), default="auto", show_default=True,
    help="How instructions of programs are counted; valgrind is some fifty times slower than the program.",
)  # fmt: skip
@CACHE
@click.option("--csv", "csv_file", type=click.Path(path_type=Path), help="Also write a row for each codec, picture, side and part.")
def complexity_command(
    dataset: str, images: tuple[str, ...], limit: int | None, allow_partial: bool, codecs: tuple[str, ...], rate: float, instructions: str,
    cache: Path | None, csv_file: Path | None,
) -> int:  # fmt: skip
    """Count what encoders and decoders compute: multiply-accumulates per pixel of learned codecs, part by part and by three ways of
    counting; instructions, or CPU seconds, of programs. What learned codecs compute is kept in the store, rate by rate, and shown by every
    `ctc run`: with counts at several rates its maximum and mean are over these too."""
    from ctc import datasets, plugins
    from ctc.cli import default_cache
    from ctc.complexity.instructions import counting
    from ctc.complexity.stored import keep
    from ctc.complexity.survey import learned_macs, program_costs, why_not
    from ctc.progress import shown
    from ctc.protocols import Codec, Countable
    from ctc.report import complexity as report
    from ctc.store import Store, explained, write_whole

    if csv_file is not None and (csv_file.is_dir() or not csv_file.absolute().parent.is_dir()):
        raise UsageError(f"--csv {csv_file}: is a folder or lies in none; give the name of a file in a folder that exists")
    registry = plugins.codecs()
    chosen = [registry[name] for name in codecs or [name for name, codec in registry.found.items() if isinstance(codec, Countable)]]
    for codec in chosen:
        codec.version()
    programs = [codec for codec in chosen if not isinstance(codec, Countable)]
    how = counting(instructions) if programs else None
    store = Store((cache or default_cache()).expanduser().absolute())
    loaded = datasets.load(dataset, store, images, limit, allow_partial=allow_partial, locking=False)
    for failed in loaded.failed:
        click.echo(f"cannot be used: {failed.error}", err=True)
    if not loaded.pictures:
        return 1

    def codable(codec: Codec) -> Iterable[Picture]:
        """The pictures that the codec can code, with how far it is; of the others why not."""
        reasons = {picture: why_not(codec, picture) for picture in loaded.pictures}
        for picture, why in reasons.items():
            if why:
                click.echo(f"left out: {picture.name} {why}", err=True)
        return shown([picture for picture, why in reasons.items() if not why], codec.name, "picture")

    macs: dict[str, list[PictureMacs]] = {}
    costs: list[ProgramCost] = []
    try:
        for codec in chosen:
            if isinstance(codec, Countable) and (counted := [learned_macs(codec, picture, rate) for picture in codable(codec)]):
                macs[codec.name] = counted
                keep(store, codec.name, codec.version(), counted, codec.model_sizes())
                click.echo(report.learned_text(codec.name, counted, codec.model_sizes()) + "\n")
        for codec in programs:
            of_codec = [cost for picture in codable(codec) for cost in program_costs(codec, picture, rate, how.counter if how else None)]
            costs += of_codec
            if of_codec:
                click.echo(report.program_text(of_codec) + "\n")
        if how is not None and costs:
            click.echo(how.note)
    finally:
        if csv_file is not None and (macs or costs):
            with explained(csv_file.parent):
                write_whole(csv_file, report.as_csv(macs, costs))
    return 1 if loaded.failed or not (macs or costs) else 0

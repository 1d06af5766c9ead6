"""python -m jpegai_ref: encode, decode, probe, info, export-onnx, train.

Exit status: 0; 1 for a file that cannot be used; 2 for a wrong command line; 3 for a target rate that was missed; 4 where weights or a GPU
are missing.
"""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from jpegai_ref.channel_prefix import ALL_CHANNELS, ChannelPrefix
from jpegai_ref.command_errors import Missed, check_output, reported, write_output
from jpegai_ref.devices import CODING_ENGINES, ENGINES
from jpegai_ref.knob import HIGHEST_QUALITY
from jpegai_ref.onnx_command import export_onnx
from jpegai_ref.picture_header import THREADS
from jpegai_ref.regions import Regions, parse_wanted
from jpegai_ref.tools import Tools, tool_names

if TYPE_CHECKING:
    from jpegai_ref.coder import Coder
    from jpegai_ref.model import OperatingPoint
    from jpegai_ref.quality_map import Qps

CHANNELS_HELP = "So many channels of the latents alone, the first; without CHROMA all of its. [default: all]"
threads_option = click.option("--threads", type=click.IntRange(1, 256), help="[default: one for each core]")
DEVICE_HELP = "What computes the networks; all give nearly the same, but for float-scales, which is wrong on purpose."
device_option = click.option("--device", type=click.Choice(ENGINES), default="cpu", show_default=True, help=DEVICE_HELP)
coding_device_option = click.option("--device", type=click.Choice(CODING_ENGINES), default="cpu", show_default=True, help=DEVICE_HELP)
input_file = click.argument("source", metavar="IN", type=click.Path(path_type=Path))
channels_option = click.option("--channels", metavar="LUMA[,CHROMA]", help=CHANNELS_HELP)
output_file = click.argument("destination", metavar="OUT", type=click.Path(path_type=Path))


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """A learned picture codec with the structure of JPEG AI (ISO/IEC 6048-1).

    Its weights come with the package; the environment variable JPEGAI_REF_WEIGHTS names others, a file or the folder that holds it.
    """


@cli.command()
@input_file
@output_file
@click.option("--bpp", type=click.FloatRange(0.0001, 1000), help="Target rate in bits per pixel.")
@click.option("--quality", type=click.IntRange(0, HIGHEST_QUALITY), help="Fixed quality; 128 more make the quantiser 1.22 times as fine.")
@click.option("--tools", metavar="NAME+NAME", default="", help=f"Coding tools: {', '.join(tool_names())}. [default: none]")
@channels_option
@click.option("--roi", metavar="MASK|X,Y,WIDTH,HEIGHT", help="Region of interest: a picture of its size, white inside, or a rectangle.")
@click.option("--roi-levels", metavar="INSIDE,OUTSIDE", help="Its qualities, -8 to 8; 4 more halve the steps. [default: 6,-3]")
@click.option("--regions", metavar="ROWSxCOLUMNS[:dependent]", help="Divide into regions, independent by default. [default: none]")
@click.option("--entropy-threads", type=click.Choice(list(map(str, THREADS))), help="That can decode a payload. [default: by its size]")
@threads_option
@coding_device_option
def encode(
    source: Path,
    destination: Path,
    bpp: float | None,
    quality: int | None,
    tools: str,
    channels: str | None,
    roi: str | None,
    roi_levels: str | None,
    regions: str | None,
    entropy_threads: str | None,
    threads: int | None,
    device: str,
) -> None:
    """Code the picture IN (PNG, PPM, PGM, raw .yuv) into the file OUT."""
    if (bpp is None) == (quality is None):
        raise click.UsageError("give either --bpp or --quality")
    if bpp is not None and math.isnan(bpp):
        raise click.UsageError("--bpp is not a number")
    try:
        switches = Tools.parse(tools)
    except ValueError as error:
        raise click.UsageError(f"--tools {tools}: {error}") from error
    prefix = _prefix(channels)
    interest = _interest(roi, roi_levels)
    divided = _divided(regions)
    with reported():
        check_output(destination, source, *([Path(roi)] if roi else []))
        from jpegai_ref.analysed import analysed
        from jpegai_ref.encoder import encode_analysed
        from jpegai_ref.picture_header import SMALLEST_SIDE
        from jpegai_ref.pictures import read_picture
        from jpegai_ref.quality import setting_of
        from jpegai_ref.quality_map import finest
        from jpegai_ref.rate_matching import TOLERANCE, matched

        picture = read_picture(source)
        if divided and (problem := divided.problem(max(picture.height, SMALLEST_SIDE), max(picture.width, SMALLEST_SIDE))):
            raise click.UsageError(f"--regions {regions}: {problem}")
        quality_map = interest(picture.height, picture.width) if interest else None
        coder = _coder(device, threads)
        dealt = None if entropy_threads is None else int(entropy_threads)
        analysis = analysed(coder, picture, quality_map, divided, dealt).limited(prefix)
        note, missed = "", False
        if quality is not None:
            setting = setting_of(quality, finest(analysis.quality_map(switches.quality_map)))
            data = encode_analysed(coder, analysis, setting, switches).data
        else:
            match = matched(coder, analysis, bpp or 0.0, tools=switches)
            setting, data = match.setting, match.encoded.data
            missed = abs(match.deviation) > TOLERANCE
            note = f", {100 * match.deviation:+.2f} % off the target, {match.passes} {'pass' if match.passes == 1 else 'passes'}"
        write_output(destination, data)
    rate = 8 * len(data) / analysis.samples
    click.echo(f"{len(data)} bytes, {rate:.4f} bpp, model {setting.model_id}, displacement {setting.displacement}{note}")
    if missed:
        raise Missed(f"{bpp} bpp is out of reach: {destination} has {rate:.4f} bpp")


@cli.command()
@input_file
@output_file
@click.option("--op", "operating_point", type=click.Choice(["sop", "bop", "hop"]), help="Operating point. [default: the stream's first]")
@channels_option
@click.option("--partial", is_flag=True, help="A file that is cut off gives a preview, of what is whole in it, instead of an error.")
@click.option("--grey", is_flag=True, help="Luma alone: chroma is not decoded.")
@click.option("--region", metavar="INDEX|LEFT,TOP,WIDTH,HEIGHT", help="Only this region, or all that the rectangle touches.")
@click.option("--fill-missing", is_flag=True, help="Regions that are missing become grey of half the range.")
@threads_option
@device_option
def decode(
    source: Path,
    destination: Path,
    operating_point: OperatingPoint | None,
    channels: str | None,
    partial: bool,
    grey: bool,
    region: str | None,
    fill_missing: bool,
    threads: int | None,
    device: str,
) -> None:
    """Decode the file IN into the picture OUT (.png, .ppm, .pgm, .yuv)."""
    prefix = _prefix(channels)
    if grey and prefix.chroma is not None:
        raise click.UsageError("--grey decodes no chroma: give --channels for luma alone")
    try:
        wanted = None if region is None else parse_wanted(region)
    except ValueError as error:
        raise click.UsageError(f"--region {region}: {error}") from error
    with reported(source):
        check_output(destination, source)
        from jpegai_ref.codestream import read_codestream
        from jpegai_ref.decoder import decode_stream
        from jpegai_ref.partial_file import read_partial_file
        from jpegai_ref.pictures import check_suffix, file_content
        from jpegai_ref.quantised_picture import colour_of

        check_suffix(destination.suffix)
        data = source.read_bytes()
        coder = _coder(device, threads)
        cut = None
        if partial:
            there = read_partial_file(data, coder.weights_id)
            stream, prefix, cut = there.stream, there.available(prefix), there.cut
        else:
            stream = read_codestream(data)
        if grey:
            stream, prefix = replace(stream, chroma=None), replace(prefix, chroma=None)
        check_suffix(destination.suffix, colour_of(stream.header, stream.chroma is None))
        picture = decode_stream(coder, stream, operating_point, prefix=prefix, wanted=wanted, fill_missing=fill_missing)
        write_output(destination, file_content(destination.suffix, picture))
    if cut is not None:
        counts = f"{prefix.luma} of {stream.header.luma.channels} channels of luma"
        if stream.chroma is not None:
            counts += f", {prefix.chroma} of {stream.header.chroma.channels} of chroma"
        click.echo(f"a preview of {counts}: {cut}")


@cli.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--channels", is_flag=True, help="Also what the first channels take; needs the weights that FILE was made with.")
def probe(file: Path, channels: bool) -> None:
    """Print what FILE says of itself."""
    with reported(file):
        from jpegai_ref.probe import probe as described

        data = file.read_bytes()
        lines = [described(data)]
        if channels:
            from jpegai_ref.prefix_probe import prefix_probe

            lines.append(prefix_probe(_coder("cpu", None), data))
    click.echo("\n".join(lines))


@cli.command()
def info() -> None:
    """Print the weights in use, and what every part of the networks costs."""
    with reported():
        from jpegai_ref.complexity import decoder, encoder, filter_parts, parts
        from jpegai_ref.dimensions import COMPACT
        from jpegai_ref.weights import read
        from jpegai_ref.weights_place import weights_file

        place = weights_file()
        click.echo(f"weights   {place}\nid        {read(place).id}\nsize      {place.stat().st_size / 2**20:.2f} MiB\n")
    rows = [*parts(COMPACT).values(), encoder(COMPACT), *(decoder(COMPACT, name) for name in ("sop", "bop", "hop"))]
    rows += filter_parts()
    click.echo(f"{'part':<28}{'parameters':>12}{'kMAC/px':>10}")
    for part in rows:
        click.echo(f"{part.name:<28}{part.parameters:>12}{part.kmac_per_sample:>10.3f}")


@cli.command(context_settings={"ignore_unknown_options": True, "help_option_names": []}, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def train(context: click.Context, arguments: tuple[str, ...]) -> None:
    """Train weights; `train --help` says how."""
    from jpegai_ref.training.command import command

    context.exit(command.main(arguments, prog_name="python -m jpegai_ref train", standalone_mode=False) or 0)


def _prefix(channels: str | None) -> ChannelPrefix:
    if channels is None:
        return ALL_CHANNELS
    try:
        return ChannelPrefix.parse(channels)
    except ValueError as error:
        raise click.UsageError(f"--channels {channels}: {error}") from error


def _interest(roi: str | None, levels: str | None) -> Callable[[int, int], Qps] | None:
    """What makes the quality map for a picture of so many rows and columns; None where no region is asked for."""
    if roi is None:
        if levels is not None:
            raise click.UsageError("--roi-levels needs --roi")
        return None
    from jpegai_ref.region_of_interest import Levels, parse_region, region_map

    try:
        region = parse_region(roi)
    except ValueError as error:
        raise click.UsageError(f"--roi {roi}: {error}") from error
    try:
        qps = Levels() if levels is None else Levels.parse(levels)
    except ValueError as error:
        raise click.UsageError(f"--roi-levels {levels}: {error}") from error
    return lambda height, width: region_map(region.mask(height, width), qps)


def _divided(regions: str | None) -> Regions | None:
    if regions is None:
        return None
    try:
        return Regions.parse(regions)
    except ValueError as error:
        raise click.UsageError(f"--regions {regions}: {error}") from error


def _coder(device: str, threads: int | None) -> Coder:
    import torch

    from jpegai_ref.engines import load_engine
    from jpegai_ref.memory import reuse_large_blocks
    from jpegai_ref.weights_place import weights_file

    reuse_large_blocks()
    if threads is not None:
        torch.set_num_threads(threads)
    return load_engine(device, weights_file())


cli.add_command(export_onnx)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Ends the process with an exit status."""
    try:
        status = cli.main(arguments, prog_name="python -m jpegai_ref", standalone_mode=False) or 0
        sys.stdout.flush()
    except click.Abort:
        click.echo("jpegai_ref: interrupted", err=True)
        status = 130
    except OSError as error:
        # Files have had their turn: this is standard output, of which Python would complain once more at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 0
        if not isinstance(error, BrokenPipeError):
            click.echo(f"jpegai_ref: standard output cannot be written: {error.strerror}", err=True)
            status = 1
    except click.ClickException as error:
        click.echo(f"jpegai_ref: {error.format_message()}", err=True)
        status = error.exit_code
    sys.exit(status)


if __name__ == "__main__":
    main()

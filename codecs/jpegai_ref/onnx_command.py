"""python -m jpegai_ref export-onnx: the networks of the decoder as files."""

from __future__ import annotations

from pathlib import Path

import click

from jpegai_ref.command_errors import Failure, reported, write_output
from jpegai_ref.dimensions import OPERATING_POINTS


@click.command("export-onnx")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--op", "operating_point", type=click.Choice(OPERATING_POINTS), help="Operating point. [default: all]")
def export_onnx(folder: Path, operating_point: str | None) -> None:
    """Write the networks that a decoder runs to FOLDER, one ONNX file each; `decode --device onnx` makes and runs the same graphs.

    Entropy decoding, steps of the quantiser, tiles, colour and filters are not in them. Needs the package onnx.
    """
    with reported():
        from jpegai_ref.coder import load
        from jpegai_ref.onnx_networks import graphs
        from jpegai_ref.weights_place import weights_file

        coder = load(weights_file())
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Failure(f"{folder} cannot be made: {error.strerror}") from error
        for name, content in graphs(coder, OPERATING_POINTS if operating_point is None else (operating_point,)):
            write_output(folder / f"{name}.onnx", content)
            click.echo(f"{len(content):>10} {name}.onnx")

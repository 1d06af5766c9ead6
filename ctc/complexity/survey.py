"""What coding costs, picture by picture: multiply-accumulates of learned codecs, instructions or CPU seconds of programs.

Each picture is coded once, at the setting with which a search for the rate would begin. The operations of a program depend on it; those of
a learned codec do where its encoder switches tools by what the picture holds.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from ctc import pixels, plugins
from ctc.bench import Source
from ctc.coding import unsupported
from ctc.complexity.child import python_command
from ctc.complexity.instructions import Counter, instructions
from ctc.complexity.process import run
from ctc.errors import PictureError, ToolFailed
from ctc.protocols import Codec
from ctc.ratecontrol import RateSearch
from ctc.records import PartMacs, Picture, PictureMacs
from ctc.scratch import scratch_prefix


@dataclass(frozen=True)
class ProgramCost:
    """What a program needs to encode or decode a picture."""

    codec: str
    picture: Picture
    side: str
    target_bpp: float
    setting: float
    bpp: float
    instructions: int | None
    cpu_s: float
    machine_idle: bool
    interpreted: bool
    """Whether the process is a Python that calls a library: its start is in the instructions."""
    reason: str = ""
    """Why there are no instructions where they were to be counted."""


def setting_for(codec: Codec, target_bpp: float) -> float:
    """With which setting a search for the rate begins."""
    return RateSearch(lambda _setting: 0.0, codec.knob, 0.1).first_guess(target_bpp)


def why_not(codec: Codec, picture: Picture) -> str:
    """Why the codec cannot code the picture at any rate; empty where it can."""
    return unsupported(plugins.codec_for_depth(codec, picture.bit_depth), picture.transfer)


def learned_macs(codec: Codec, picture: Picture, target_bpp: float) -> PictureMacs:
    """Of a `Countable` codec, counted while the picture is really coded in a process of its own. Raises ToolFailed, PictureError."""
    with tempfile.TemporaryDirectory(prefix=scratch_prefix()) as scratch:
        source = _source_file(codec, picture, Path(scratch))
        setting = f"{setting_for(codec, target_bpp):g}"
        printed = run(python_command("ctc.complexity.count_child", codec.name, setting, str(source))).printed
    return PictureMacs(picture, tuple(PartMacs(**record) for record in json.loads(printed.splitlines()[-1])), target_bpp)


def program_costs(codec: Codec, picture: Picture, target_bpp: float, counter: Counter | None) -> list[ProgramCost]:
    """Of the commands of encoder and decoder. Raises ToolFailed, PictureError."""
    codec = plugins.codec_for_depth(codec, picture.bit_depth)
    setting = setting_for(codec, target_bpp)
    with tempfile.TemporaryDirectory(prefix=scratch_prefix()) as scratch:
        source = _source_file(codec, picture, Path(scratch))
        bitstream, decoded = Path(scratch) / "bits", Path(scratch) / "decoded"
        measured = [("encoder", codec.encode(source, bitstream, setting), codec.encode_command(source, bitstream, setting))]
        bpp = 8 * bitstream.stat().st_size / picture.pixels
        kept = shutil.copyfile(bitstream, Path(scratch) / "kept")
        measured.append(("decoder", codec.decode(kept, decoded), codec.decode_command(kept, decoded)))
        costs = []
        for side, cost, command in measured:
            number, reason = _instructions(counter, command)
            measured_here = (number, cost.cpu_s, cost.machine_idle, command[0] == sys.executable)
            costs.append(ProgramCost(codec.name, picture, side, target_bpp, setting, bpp, *measured_here, reason))
    return costs


def _source_file(codec: Codec, picture: Picture, folder: Path) -> Path:
    """The picture as the codec takes it. Raises PictureError, also where it takes none such."""
    deepened = plugins.codec_for_depth(codec, picture.bit_depth)
    if why := why_not(codec, picture):
        raise PictureError(f"{picture.name}: {why}")
    return pixels.write_source(Source(picture).rgb, deepened.pixels, folder, picture.transfer)


def _instructions(counter: Counter | None, command: tuple[str, ...]) -> tuple[int | None, str]:
    if counter is None:
        return None, ""
    try:
        return instructions(counter, command), ""
    except ToolFailed as error:
        return None, str(error)

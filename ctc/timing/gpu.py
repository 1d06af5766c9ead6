"""The least memory of a GPU that codecs need, where they use one: what still gives the same output."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ctc.complexity.device_memory import minimum_needed, most_tries
from ctc.errors import PictureError, ToolFailed, ToolMissing
from ctc.protocols import Codec, OnGpu
from ctc.records import Coded, DeviceMemory
from ctc.records.timing import DECODER
from ctc.timing.desk import Desk
from ctc.timing.schedule import Cell, Job


def device_memory(points: Sequence[Coded], desk: Desk, tried: Callable[[], object]) -> list[DeviceMemory]:
    """Of every codec that computes on a GPU, for the largest of its pictures, at the highest rate of it. Calls `tried` at each try."""
    return [_needed(cell, desk, tried) for cell in searched(points)]


def searched(points: Sequence[Coded]) -> list[Cell]:
    """What is tried with less and less memory."""
    largest: dict[str, Coded] = {}
    for coded in sorted(points, key=lambda coded: (coded.job.picture.pixels, coded.job.target_bpp)):
        largest[coded.job.codec] = coded
    return [Cell(coded, side) for coded in largest.values() for side in gpu_sides(Cell(coded, DECODER).codec(1))]


def gpu_sides(codec: Codec) -> tuple[str, ...]:
    """Which of "encoder" and "decoder" are on a GPU."""
    return codec.gpu_sides() if isinstance(codec, OnGpu) else ()


def tries_at_most(codec: Codec) -> int:
    """Of the search for one side; none where there is no GPU."""
    try:
        return most_tries(codec.gpu_bytes()) if isinstance(codec, OnGpu) else 0
    except ToolMissing:
        return 0


def _needed(cell: Cell, desk: Desk, tried: Callable[[], object]) -> DeviceMemory:
    codec, place = cell.codec(desk.threads), (cell.coded.job.codec, cell.side, cell.coded.job.picture.name)
    if not isinstance(codec, OnGpu):
        raise TypeError(f"{codec.name} does not compute on a GPU")
    try:
        whole_bytes = codec.gpu_bytes()
    except ToolMissing as missing:
        return DeviceMemory(*place, None, f"not measured: {missing}")
    capped: Callable[[float], Codec] = codec.capped

    def does(allowed_bytes: int) -> bool:
        tried()
        try:
            return desk.sample(Job(cell, 0), 0, capped(allowed_bytes / whole_bytes)).same_output
        except (ToolFailed, PictureError):
            return False

    needed = minimum_needed(does, whole_bytes)
    return DeviceMemory(*place, needed, "" if needed is not None else "not measured: it fails, or gives another output, with all of it")

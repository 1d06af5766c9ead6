"""Codecs whose times are told, not taken, so that tests depend on no clock; and campaigns of their points."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar

from ctc import pixels
from ctc.errors import ToolFailed
from ctc.picturefiles import read_samples
from ctc.records import Campaign, Cost, Knob, Picture, PixelFormat
from tests.campaigns import campaign as campaign_of

MIB = 1 << 20


@dataclass
class Told:
    """Copies its input. What it costs is `cost(side, execution)`."""

    name: str
    cost: Callable[[str, int], Cost]
    fails: Callable[[str, int], bool] | None = None
    executions: list[str] = field(default_factory=list)
    citation: ClassVar = "none"
    note: ClassVar = ""
    seconds_per_megapixel: ClassVar = 0.1
    knob: ClassVar = Knob("step", 1, 64, integer=True, rate_rises=False, start=((1.0, 64), (18.0, 1)))
    pixels: ClassVar = PixelFormat("ppm")

    def version(self) -> str:
        return "1"

    def encode_command(self, source: Path, bitstream: Path, setting: float) -> tuple[str, ...]:
        return ("encode", source.name, bitstream.name, str(setting))

    def decode_command(self, bitstream: Path, destination: Path) -> tuple[str, ...]:
        return ("decode", bitstream.name, destination.name)

    def encode(self, source: Path, bitstream: Path, setting: float) -> Cost:  # noqa: ARG002 - as the protocol has it
        return self._copied("encoder", source, bitstream)

    def decode(self, bitstream: Path, destination: Path) -> Cost:
        return self._copied("decoder", bitstream, destination)

    def _copied(self, side: str, read: Path, written: Path) -> Cost:
        number = self.executions.count(side)
        self.executions.append(side)
        if self.fails is not None and self.fails(side, number):
            raise ToolFailed(f"{self.name} broke", (self.name, side))
        written.write_bytes(read.read_bytes())
        return self.cost(side, number)


class Stays(Told):
    """One that is loaded once."""

    loads = "a model"

    def load(self) -> Cost:
        self.executions.append("load")
        return replace(told(0.0), start_s=2.0)

    def leave(self) -> None:
        self.executions.append("leave")


class OnAGpu(Told):
    """Its decoder needs 150 MiB of the 256 of a GPU."""

    allowed_bytes = 256 * MIB

    def gpu_sides(self) -> tuple[str, ...]:
        return ("decoder",)

    def gpu_bytes(self) -> int:
        return 256 * MIB

    def capped(self, fraction: float) -> OnAGpu:
        other = copy.copy(self)
        other.allowed_bytes = round(256 * MIB * fraction)
        return other

    def decode(self, bitstream: Path, destination: Path) -> Cost:
        if self.allowed_bytes < 150 * MIB:
            self.executions.append("decoder")
            raise ToolFailed("out of memory", (self.name,))
        return super().decode(bitstream, destination)


def told(wall_s: float, *, idle: bool = True, peak_bytes: int = 10 * MIB) -> Cost:
    """A whole process."""
    return Cost(wall_s, wall_s, peak_bytes, "cpu", 1, "here", idle)


def steady(wall_s: float) -> Callable[[str, int], Cost]:
    """Each time a little more: by a hundredth, five times, then from the start."""
    return lambda side, execution: told(wall_s * (1 + 0.01 * (execution % 5)) * (2 if side == "encoder" else 1))


def campaign_with(folder: Path, *codecs: Told, targets: tuple[float, ...] = (0.25, 0.5)) -> Campaign:
    """Points of all pictures of `folder`, of which the first codec is the anchor."""
    curves = {codec.name: {path.stem: {rate: (rate, {"psnr_y": 30.0}) for rate in targets} for path in _files(folder)} for codec in codecs}
    whole = campaign_of(curves, codecs[0].name, targets)
    found = {path.stem: _picture(path) for path in _files(folder)}
    points = []
    for point in whole.scored:
        picture = found[point.coded.job.picture.name]
        rgb = read_samples(Path(picture.path)).rgb
        source = pixels.write_source(rgb, PixelFormat("ppm"), folder)
        stream = hashlib.sha256(source.read_bytes()).hexdigest()
        source.unlink()
        coded = replace(
            point.coded,
            job=replace(point.coded.job, picture=picture, codec_version="1"),
            setting=8.0,
            bitstream_sha256=stream,
            decoded_sha256=pixels.sample_hash(rgb),
        )
        points.append(replace(point, coded=coded))
    return replace(whole, scored=tuple(points), pictures=tuple(found.values()))


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.png"))


def _picture(path: Path) -> Picture:
    rgb = read_samples(path).rgb
    return Picture("made", path.stem, str(path), rgb.shape[1], rgb.shape[0], 8, "RGB", pixels.sample_hash(rgb))

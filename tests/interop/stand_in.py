"""A codec with devices that take no time: samples in steps, packed."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np

from ctc.errors import ToolFailed, UsageError
from ctc.records import CodecDevice, Cost, Knob, PixelFormat

COST = Cost(0.0, 0.0, 0, "cpu", 1, "here", True)
DEVICES = (
    CodecDevice("first", "the first"),
    CodecDevice("rounds", "one sample in a hundred is larger by 1"),
    CodecDevice("decodes", "a decoder alone", encodes=False),
    CodecDevice("gone", "is not there", missing="no such device"),
    CodecDevice("dies", "fails at whatever it is asked", broken=True),
    CodecDevice("scales", "has another scale and comes to no end", broken=True),
    CodecDevice("drifts", "has the integers, and another picture", broken=True),
)
SCALE = np.arange(6).reshape(2, 3)
HEADER = b"P6\n%d %d\n255\n"


class StandIn:
    """The bitstream is the step, width, height, and the samples in steps."""

    name = "stand-in"
    knob = Knob("step", 1, 64, integer=True, rate_rises=False, start=((1.0, 64), (18.0, 1)))
    pixels = PixelFormat("ppm")
    citation = "none"
    note = ""
    seconds_per_megapixel = 0.1

    def __init__(self, decodes_on: str = "first") -> None:
        self.decodes_on, self.left = decodes_on, 0

    def version(self) -> str:
        return "1"

    def encode_command(self, source: Path, bitstream: Path, setting: float) -> tuple[str, ...]:
        return ("encode", source.name, bitstream.name, str(setting))

    def decode_command(self, bitstream: Path, destination: Path) -> tuple[str, ...]:
        return ("decode", bitstream.name, destination.name)

    def encode(self, source: Path, bitstream: Path, setting: float) -> Cost:
        return self.encode_on("first", source, bitstream, setting, bitstream.with_suffix(".trace"))

    def decode(self, bitstream: Path, destination: Path) -> Cost:
        return self.decode_on(self.decodes_on, bitstream, destination, bitstream.with_suffix(".trace"))

    def devices(self) -> tuple[CodecDevice, ...]:
        return DEVICES

    def own_devices(self) -> tuple[str, str]:
        return "first", self.decodes_on

    def leave_devices(self) -> None:
        self.left += 1

    def encode_on(self, device: str, source: Path, bitstream: Path, setting: float, trace: Path) -> Cost:
        if device == "dies":
            raise ToolFailed("stand-in: it died", ("encode",))
        width, height, samples = _samples(source)
        steps = samples // np.uint8(setting)
        _trace(trace, steps)
        bitstream.write_bytes(bytes([int(setting)]) + np.array([width, height], "<u2").tobytes() + zlib.compress(steps.tobytes()))
        return COST

    def decode_on(self, device: str, bitstream: Path, destination: Path, trace: Path) -> Cost:
        if device not in {known.name for known in DEVICES}:
            raise UsageError(f"unknown device {device}")
        if device == "dies":
            raise ToolFailed("stand-in: it died", ("decode",))
        content = bitstream.read_bytes()
        step, (width, height) = content[0], np.frombuffer(content[1:5], "<u2")
        steps = np.frombuffer(zlib.decompress(content[5:]), np.uint8)
        if device == "scales":
            with trace.open("wb") as file:
                np.savez(file, z=steps[:4], scale=SCALE + np.eye(2, 3, 1, dtype=int))
            raise ToolFailed("stand-in: the symbols end too early", ("decode",))
        _trace(trace, steps)
        picture = steps.astype(np.uint16) * step + step // 2
        if device == "rounds":
            picture[::100] += 1
        if device == "drifts":
            picture[::7] += 8
        destination.write_bytes(HEADER % (width, height) + np.minimum(picture, 255).astype(np.uint8).tobytes())
        return COST


def _samples(source: Path) -> tuple[int, int, np.ndarray[tuple[int], np.dtype[np.uint8]]]:
    _, size, _, samples = source.read_bytes().split(b"\n", 3)
    width, height = map(int, size.split())
    return width, height, np.frombuffer(samples, np.uint8)


def _trace(trace: Path, steps: np.ndarray[tuple[int], np.dtype[np.uint8]]) -> None:
    with trace.open("wb") as file:
        np.savez(file, z=steps[:4], scale=SCALE, symbols=steps)

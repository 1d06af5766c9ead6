"""Reads files of linear light, OpenEXR and Radiance HDR, as RGB in float32 with what they say of scale and primaries.

OpenEXR: one part, R G B or Y, of half or float; `whiteLuminance` is the scale, `chromaticities` the primaries. Radiance: `PRIMARIES`
where it has any (writers that put zeros there mean none). Its radiances are hardly ever calibrated, so the 179 lumen per watt of its
manual make no scale, and `EXPOSURE` is not undone: the values are taken as stored.
"""

from __future__ import annotations

import os
import re
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctc.errors import PictureError
from ctc.light import Chromaticities, Linear

MOST_NEGATIVE = 0.05
"""Share of samples below zero up to which they pass for noise. More are a mistake: a difference, another colour space, a normal map."""

CheckSize = Callable[[str, int, int], None]
"""(file name, width, height): raises PictureError for a picture without samples and for one that is too large."""

CONVERT = "convert it to one part with R, G and B"


def read_exr(path: Path, check_size: CheckSize) -> Linear:
    """Raises PictureError for what is none of ours, and what OpenEXR raises for a damaged file."""
    with path.open("rb") as file:
        if file.read(4) != b"\x76\x2f\x31\x01":
            raise ValueError("it is no OpenEXR file")
    header = _only_part(path, header_only=True).header
    width, height = _window(path.name, header)
    check_size(path.name, width, height)
    if "image" not in str(header.get("type", "image")):
        raise PictureError(f"{path.name}: holds deep samples; flatten it first")
    channels = _only_part(path, header_only=False).channels
    samples = _exr_rgb(path.name, {name: channel.pixels for name, channel in channels.items()})
    white = header.get("whiteLuminance")
    chromaticities = header.get("chromaticities")
    primaries: Chromaticities | None = None if chromaticities is None else tuple(np.asarray(chromaticities, float).ravel().tolist())
    return _sound(path.name, Linear(samples, None if white is None else float(white), primaries))


def _only_part(path: Path, header_only: bool) -> Any:
    import OpenEXR

    with _quiet():
        parts = OpenEXR.File(str(path), separate_channels=True, header_only=header_only, num_threads=0).parts
    if not parts:
        raise ValueError("its samples are damaged or cut off")
    if len(parts) > 1:
        raise PictureError(f"{path.name}: holds {len(parts)} parts; save the one that is meant as a file of its own")
    return parts[0]


ONE_AT_A_TIME = threading.Lock()
"""Held while `_quiet` is: two threads that put standard error away and back in turns would lose it for good."""


@contextmanager
def _quiet() -> Iterator[None]:
    """What OpenEXR prints of a damaged file, by C and by Python, goes nowhere: we say it in one line.

    Its error handler can be set in C alone, and writes to the standard error of the process, so that has to be put away: what another
    thread prints in that time is lost too. A process of its own for each file would take longer than reading it."""
    with ONE_AT_A_TIME, ExitStack() as put_back:
        if sys.stderr is not None:
            sys.stderr.flush()
        kept = os.dup(2)
        put_back.callback(os.close, kept)
        nowhere = put_back.enter_context(open(os.devnull, "w"))
        put_back.enter_context(redirect_stdout(nowhere))
        put_back.callback(os.dup2, kept, 2)
        os.dup2(nowhere.fileno(), 2)
        yield


def _window(name: str, header: Mapping[str, Any]) -> tuple[int, int]:
    """(width, height) of the samples, which must be those of the picture."""
    windows = [np.array(header[window]).tolist() for window in ("dataWindow", "displayWindow")]
    if windows[0] != windows[1]:
        raise PictureError(f"{name}: its data window {windows[0]} is not its display window {windows[1]}; crop or fill it first")
    (left, top), (right, bottom) = windows[0]
    return right - left + 1, bottom - top + 1


def _exr_rgb(name: str, channels: Mapping[str, NDArray[Any]]) -> NDArray[np.float32]:
    colour = [channel for channel in ("R", "G", "B") if channel in channels]
    if {"RY", "BY"} & channels.keys():
        raise PictureError(f"{name}: holds luminance and colour differences; {CONVERT}")
    if not colour and "Y" in channels:
        colour = ["Y"]
    elif len(colour) != 3:
        found = ", ".join(sorted(channels)) or "none"
        raise PictureError(f"{name}: has no channels R, G and B (it has {found}); {CONVERT}")
    used = [channels[channel] for channel in (*colour, *(["A"] if "A" in channels else []))]
    if any(plane.dtype not in (np.float16, np.float32) for plane in used):
        raise PictureError(f"{name}: has integer samples; those of light are half or float")
    if len({plane.shape for plane in used}) > 1:
        raise PictureError(f"{name}: its channels differ in size; {CONVERT}")
    if "A" in channels and not (channels["A"] == 1).all():
        raise PictureError(f"{name}: has transparent samples; flatten it onto a background first")
    return np.stack([channels[colour[plane % len(colour)]].astype(np.float32) for plane in range(3)], axis=-1)


def read_radiance(path: Path, check_size: CheckSize) -> Linear:
    """Raises PictureError for what is none of ours, and ValueError or imagecodecs' errors for a damaged file."""
    import imagecodecs

    content = path.read_bytes()
    if content[:2] != b"#?":
        raise ValueError("it is no Radiance HDR file")
    header, separator, rest = content.partition(b"\n\n")
    size = re.match(rb"-Y (\d+) \+X (\d+)\n", rest)
    if not separator or size is None:
        raise ValueError("its header does not end in a resolution -Y HEIGHT +X WIDTH")
    height, width = int(size[1]), int(size[2])
    check_size(path.name, width, height)
    lines = dict(line.split("=", 1) for line in header.decode("latin-1").splitlines() if "=" in line and not line.startswith("#"))
    if lines.get("FORMAT", "32-bit_rle_rgbe").strip() != "32-bit_rle_rgbe":
        raise PictureError(f"{path.name}: is {lines['FORMAT'].strip()}, not 32-bit_rle_rgbe; convert it to RGB first")
    samples = imagecodecs.rgbe_decode(content)
    if samples.shape != (height, width, 3):
        raise ValueError(f"it gave samples of shape {samples.shape}")
    return _sound(path.name, Linear(samples, None, _radiance_primaries(lines.get("PRIMARIES", ""))))


def _radiance_primaries(text: str) -> Chromaticities | None:
    values = tuple(float(value) for value in text.split())
    if not any(values):
        return None
    if len(values) != 8:
        raise ValueError(f"its PRIMARIES are {len(values)} numbers, not 8")
    return values


def _sound(name: str, linear: Linear) -> Linear:
    """The picture, if its samples can be light. Raises PictureError."""
    samples = linear.samples
    finite = np.isfinite(samples)
    if not finite.all():
        nans = int(np.isnan(samples).sum())
        kind, count = ("NaN", nans) if nans else ("infinite", int((~finite).sum()))
        raise PictureError(f"{name}: {count} of its samples are {kind}; repair it first")
    negative = int((samples < 0).sum())
    if negative > MOST_NEGATIVE * samples.size:
        share = 100 * negative / samples.size
        raise PictureError(f"{name}: {share:.3g} % of its samples are below zero, more than noise; is it a picture of light?")
    if linear.cd_m2_per_unit is not None and not 0 < linear.cd_m2_per_unit < np.inf:
        raise PictureError(f"{name}: its whiteLuminance is {linear.cd_m2_per_unit:g}; set it to the cd/m2 of 1.0, or remove it")
    return linear

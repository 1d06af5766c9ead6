"""The one ffmpeg of a campaign: where it is, which version, and which libraries are inside.

`CTC_FFMPEG` names one of your own; else it is the static build that the package imageio-ffmpeg carries. Its scaler is never used:
all colour conversion is in `pixels`.
"""

from __future__ import annotations

import os
import re
from functools import lru_cache
from pathlib import Path

from ctc.complexity.process import run, time_limit
from ctc.errors import ToolFailed, ToolMissing
from ctc.records import Cost, digest

PROBE_LIMIT_S = 10
WHO_SPEAKS = re.compile(r"^(\[[^\]]* @ 0x[0-9a-f]+\] *)+")


def executable() -> Path:
    """Path of ffmpeg. Raises ToolMissing."""
    named = os.environ.get("CTC_FFMPEG")
    if named is None:
        try:
            from imageio_ffmpeg import get_ffmpeg_exe

            named = get_ffmpeg_exe()
        except (ImportError, RuntimeError) as error:
            raise ToolMissing("ffmpeg is missing: run `make setup` (package imageio-ffmpeg) or set CTC_FFMPEG to a build of it") from error
    path = Path(named)
    if not (path.is_file() and os.access(path, os.X_OK)):
        raise ToolMissing(f"ffmpeg is missing: {path} is not a program; unset CTC_FFMPEG or set it to a build of ffmpeg")
    return path


def decode(command: tuple[str, ...], threads: int) -> Cost:
    """Runs a decoder. Raises as `run`: where ffmpeg fails with what it said first, the rest being what came of that."""
    return run(command, threads=threads, complaint=_undecodable).cost


def _undecodable(log: str) -> str:
    """Without the parts of ffmpeg that speak and their addresses, e.g. "[hevc @ 0x55e6]": they speak of the bitstream, unless the output is
    at fault."""
    if not log:
        return "it printed nothing"
    first = log.splitlines()[0]
    speaker, said = WHO_SPEAKS.match(first), WHO_SPEAKS.sub("", first).strip()
    return said if speaker is None or said.startswith("Error opening output") else f"the bitstream cannot be decoded ({said})"


@lru_cache
def _output(path: Path, *arguments: str) -> str:
    """What ffmpeg prints, also when it fails; empty where it does not answer at all."""
    try:
        with time_limit(PROBE_LIMIT_S):
            return run((str(path), *arguments)).log
    except ToolFailed as failure:
        return failure.log_tail


def version() -> str:
    """Version of ffmpeg and a digest of how it was built, e.g. "n9.0.2-17-g2a571b6068 (build 1f0c3a52)". Raises ToolMissing."""
    path = executable()
    printed = _output(path, "-version")
    found = re.search(r"ffmpeg version (\S+)", printed)
    if found is None:
        raise ToolMissing(f"ffmpeg is missing: {path} does not answer as ffmpeg; unset CTC_FFMPEG or set it to a build of ffmpeg")
    return f"{found[1]} (build {digest(printed)[:8]})"


def require_filter(name: str) -> None:
    """Raises ToolMissing where this ffmpeg has no filter `name`."""
    version()
    path = executable()
    if re.search(rf"^ *\S+ +{re.escape(name)} ", _output(path, "-hide_banner", "-filters"), re.MULTILINE) is None:
        raise ToolMissing(f"{path} has no filter {name}: unset CTC_FFMPEG to use the bundled build, or set it to one with {name}")


def encoder_version(encoder: str, pixel_format: str, pattern: str) -> str:
    """Version that the library behind `encoder` prints when it starts; the first group of `pattern`. Raises ToolMissing."""
    version()
    path = executable()
    one_frame = ("-hide_banner", "-f", "lavfi", "-i", "nullsrc=s=64x64", "-frames:v", "1", "-pix_fmt", pixel_format)
    printed = _output(path, *one_frame, "-c:v", encoder, "-f", "null", "-")
    found = re.search(pattern, printed)
    if found is None:
        raise ToolMissing(
            f"{path} has no working {encoder}: unset CTC_FFMPEG to use the bundled ffmpeg, or set it to a build with {encoder}"
        )
    return found[1]

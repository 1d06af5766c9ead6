"""Says for each codec and metric what was found, where and which version, or how to get it."""

from __future__ import annotations

from importlib.util import find_spec

from ctc import ffmpeg, plugins
from ctc.complexity.machine import machine
from ctc.complexity.versions import package_versions
from ctc.errors import CtcError, ToolMissing
from ctc.plan import EMBEDDED_CODECS
from ctc.protocols import External


def examine() -> tuple[list[str], bool]:
    """The lines to print, and whether all that the default run needs is there."""
    here = machine()
    lines = [f"machine  {here.processor}, {here.cores} cores, {here.memory_bytes / 2**30:.1f} GiB, {here.system}, Python {here.python}"]
    lines += [_ffmpeg_line(), "", "codecs"]
    healthy = True
    for name, codec in plugins.codecs().found.items():
        try:
            where = f" at {codec.locate()}" if isinstance(codec, External) else ""
            lines.append(f"  found    {name:22} {codec.version()}{where}")
        except ToolMissing as error:
            lines.append(f"  missing  {name:22} {error}")
            healthy = healthy and name not in EMBEDDED_CODECS
    lines += ["", "metrics"]
    for name, metric in plugins.metrics().found.items():
        try:
            lines.append(f"  found    {name:22} {metric.version()}")
        except ToolMissing as error:
            lines.append(f"  missing  {name:22} {error}")
            healthy = False
    for registry in (plugins.codecs(), plugins.metrics(), plugins.reports()):
        for module, reason in registry.broken.items():
            lines.append(f"  missing  {module:22} {reason}: run `make setup`")
            healthy = False
    lines += ["", "packages", "  " + ", ".join(f"{package} {version}" for package, version in package_versions()), *_gpu_lines()]
    return lines, healthy


def _ffmpeg_line() -> str:
    try:
        return f"ffmpeg   {ffmpeg.version()} at {ffmpeg.executable()}"
    except CtcError as error:
        return f"ffmpeg   missing: {error}"


def _gpu_lines() -> list[str]:
    if find_spec("torch") is None:
        return ["torch    missing: run `make setup`"]
    import torch

    if not torch.cuda.is_available():
        return ["cuda     no device; everything runs on the CPU"]
    return [f"cuda     {torch.cuda.get_device_name(index)}" for index in range(torch.cuda.device_count())]

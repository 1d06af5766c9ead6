"""python -m jpegai_ref.devices: the ways in which this machine can compute the codec, as JSON; those that it cannot with the reason.

An engine computes the networks; a device is an engine with a number of threads. PyTorch is imported only to be asked for a GPU.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from dataclasses import asdict, dataclass
from importlib.util import find_spec

ENGINES = ("cpu", "cuda", "no-onednn", "float64", "compiled", "onnx", "float-scales")
"""See `engines`."""
CODING_ENGINES = tuple(name for name in ENGINES if name != "onnx")
"""Those that encode."""
ONNX_PACKAGES = ("onnx", "onnxruntime")
"""Which no other engine needs."""


@dataclass(frozen=True)
class Device:
    """A way to compute the codec."""

    name: str
    engine: str
    threads: int
    about: str
    encodes: bool = True
    missing: str = ""
    """Why this machine does not have it, or empty."""
    broken: bool = False
    """Wrong on purpose: to see that it is noticed."""
    slow: bool = False
    """Takes minutes at the first picture."""
    memory_bytes: int = 0
    """Of a GPU that is there."""


def devices() -> tuple[Device, ...]:
    """All, the one that the others are compared with first."""
    several = max(2, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 2)
    return (
        Device("cpu", "cpu", 1, "PyTorch, float32 by oneDNN, one thread"),
        Device(f"cpu-{several}-threads", "cpu", several, f"the same with {several} threads"),
        Device("no-onednn", "no-onednn", 1, "PyTorch's own float32 convolutions, oneDNN switched off"),
        Device("float64", "float64", 1, "PyTorch, networks in float64"),
        Device("compiled", "compiled", 1, "torch.compile (Inductor)", missing=_no_compiler(), slow=True),
        Device("onnx", "onnx", 1, "ONNX Runtime, all networks of the decoder", encodes=False, missing=not_installed(*ONNX_PACKAGES)),
        _cuda(),
        Device("float-scales", "float-scales", 1, "as cpu, with the hyper-scale decoder in float32: wrong on purpose", broken=True),
    )


def _no_compiler() -> str:
    compiler = os.environ.get("CXX", "g++")
    return "" if shutil.which(compiler) else f"torch.compile needs a C++ compiler, and there is no {compiler}"


def not_installed(*packages: str) -> str:
    """One line that names those that are not there; empty where all are."""
    missing = [name for name in packages if find_spec(name) is None]
    return f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not installed (pip install onnx onnxruntime)" if missing else ""


def _cuda() -> Device:
    import torch

    about = "PyTorch on the first GPU"
    if not torch.cuda.is_available():
        return Device("cuda", "cuda", 1, about, missing="no CUDA device")
    found = torch.cuda.get_device_properties(0)
    return Device("cuda", "cuda", 1, f"{about}, {found.name}, CUDA {torch.version.cuda}", memory_bytes=found.total_memory)


if __name__ == "__main__":
    json.dump([asdict(device) for device in devices()], sys.stdout)

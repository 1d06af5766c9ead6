"""What encoder and decoder work with: the networks, the exact stage and the id of their weights, and how floats are computed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch

from jpegai_ref.codestream import WEIGHTS_ID_SIZE
from jpegai_ref.dimensions import COMPACT
from jpegai_ref.exact import ExactModel
from jpegai_ref.model import Model
from jpegai_ref.weights import WeightsError, load_networks, read


class DeviceMissing(Exception):
    """The device that was asked for is not there; one line."""


@dataclass(frozen=True, eq=False)
class Coder:
    """Loaded weights on a device; serves any number of pictures."""

    model: Model
    exact: ExactModel
    weights_id: bytes
    """As streams carry it."""
    device: torch.device
    tool_tensors: tuple[str, ...]
    """Names of the tensors with constants of tools."""


def check_device(device: str) -> None:
    """Raises DeviceMissing where there is no such device."""
    if device == "cuda" and not torch.cuda.is_available():
        raise DeviceMissing("there is no GPU that PyTorch can use: choose the device cpu")


def load(path: Path, device: str = "cpu") -> Coder:
    """Raises WeightsError where the file cannot be used, DeviceMissing where there is no such device."""
    check_device(device)
    weights = read(path)
    try:
        exact = ExactModel.from_tensors(weights.tensors)
    except (KeyError, ValueError) as error:
        raise WeightsError(f"{path} has no entropy part that can be used: {error}") from error
    model = load_networks(weights, COMPACT).to(device)
    # Convolutions of a CPU are up to half as fast again when the channels of a position lie side by side.
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    tool_tensors = tuple(name for name in weights.tensors if name.startswith("tools."))
    return Coder(model, exact, bytes.fromhex(weights.id)[:WEIGHTS_ID_SIZE], torch.device(device), tool_tensors)


@contextmanager
def inference() -> Iterator[None]:
    """Without gradients, and by algorithms that give the same floats each time on one device."""
    flags = torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False)
    with torch.inference_mode(), flags:
        yield

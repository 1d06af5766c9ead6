"""What encoder and decoder work with: the networks, the exact stage and the id of their weights, and how floats are computed."""

from __future__ import annotations

import os
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

VARIABLE = "JPEGAI_REF_WEIGHTS"
"""Environment variable: a file of weights, or a folder that holds one, in place of the one that comes with the package."""
OWN_WEIGHTS = Path(__file__).with_name("weights")


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


def weights_file() -> Path:
    """The file of weights in use. Raises WeightsError where there is none, or not one."""
    place = Path(os.environ.get(VARIABLE) or OWN_WEIGHTS)
    if place.is_file():
        return place
    found = sorted(place.glob("*.safetensors"))
    if len(found) == 1:
        return found[0]
    if found:
        raise WeightsError(f"{place} holds {len(found)} files of weights: set {VARIABLE} to the one that is meant")
    raise WeightsError(f"there are no weights in {place}: train some (see TRAINING.md) or set {VARIABLE} to a file of weights")


def load(path: Path, device: str = "cpu") -> Coder:
    """Raises WeightsError where the file cannot be used, DeviceMissing where there is no such device."""
    if device == "cuda" and not torch.cuda.is_available():
        raise DeviceMissing("there is no GPU that PyTorch can use: choose the device cpu")
    weights = read(path)
    try:
        exact = ExactModel.from_tensors(weights.tensors)
    except (KeyError, ValueError) as error:
        raise WeightsError(f"{path} has no entropy part that can be used: {error}") from error
    model = load_networks(weights, COMPACT).to(device)
    # Convolutions of a CPU are up to half as fast again when the channels of a position lie side by side.
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return Coder(model, exact, bytes.fromhex(weights.id)[:WEIGHTS_ID_SIZE], torch.device(device))


@contextmanager
def inference() -> Iterator[None]:
    """Without gradients, and by algorithms that give the same floats each time on one device."""
    flags = torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False)
    with torch.inference_mode(), flags:
        yield

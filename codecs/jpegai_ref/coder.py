"""What encoder and decoder work with: the networks, the exact stage and the id of their weights, and how floats are computed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch

from jpegai_ref.codestream import WEIGHTS_ID_SIZE
from jpegai_ref.dimensions import COMPACT
from jpegai_ref.eicci_network import Eicci, networks_of
from jpegai_ref.exact import ExactModel
from jpegai_ref.lef import Lef
from jpegai_ref.lsbs import Lsbs
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
    lsbs: tuple[Lsbs, Lsbs] | None
    """Of luma and chroma; None where the weights have no constants of it."""
    lef: Lef | None
    """None where the weights have no constants of it."""
    eicci: Eicci | None
    """The networks of eICCI; None where the weights have none."""

    def available(self) -> tuple[str, ...]:
        """Names of the fitted tools that the weights have constants for."""
        found = {"rvs": self.exact.luma.rvs, "cwg": self.exact.luma.cwg, "lsbs": self.lsbs, "lef": self.lef, "eicci": self.eicci}
        return tuple(name for name, constants in found.items() if constants is not None)


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
        lsbs, lef = Lsbs.from_tensors(weights.tensors), Lef.from_tensors(weights.tensors)
        eicci = networks_of(weights.tensors, torch.device(device))
    except (KeyError, ValueError) as error:
        raise WeightsError(f"{path} has no entropy part or constants that can be used: {error}") from error
    model = load_networks(weights, COMPACT).to(device)
    # Convolutions of a CPU are up to half as fast again when the channels of a position lie side by side.
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return Coder(
        model,
        exact,
        bytes.fromhex(weights.id)[:WEIGHTS_ID_SIZE],
        torch.device(device),
        lsbs,
        lef,
        eicci,
    )


@contextmanager
def inference() -> Iterator[None]:
    """Without gradients, and by algorithms that give the same floats each time on one device."""
    flags = torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False)
    with torch.inference_mode(), flags:
        yield

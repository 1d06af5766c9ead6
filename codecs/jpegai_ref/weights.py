"""Weights on disk: safetensors, half precision for the networks, integers for the entropy part; an id made of the contents.

The hyper-scale decoder, the distribution of z and the gains decide which symbols are read, so they are stored as the integers that the
entropy stage uses, never as floats. The id goes into every bitstream: a stream of other weights is refused.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from jpegai_ref.dimensions import Dimensions
from jpegai_ref.model import Model
from jpegai_ref.whole_file import write_whole

ENTROPY_PARTS = ("scale_decoder.", "symbols.", "gains.")
"""Names in a state that hold floats of the entropy part; their integers are stored in their place."""
ID_BYTES = 16

QuantiseScaleDecoder = Callable[[tuple[nn.Conv2d, nn.Conv2d, nn.Conv2d]], Mapping[str, Tensor]]
"""Three float convolutions of a hyper-scale decoder -> named integer tensors (weights, biases, shifts)."""


class WeightsError(Exception):
    """A file of weights that is missing, damaged or made for other networks; one line."""


@dataclass(frozen=True)
class Weights:
    """Tensors by name, and the id of their contents (32 hexadecimal digits)."""

    tensors: dict[str, Tensor]
    id: str


def identity(tensors: Mapping[str, Tensor]) -> str:
    """32 hexadecimal digits of the sha256 over names, types, shapes and contents; the order of a file does not matter."""
    content = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        content.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        content.update(tensor.flatten().view(torch.uint8).numpy().tobytes())
    return content.hexdigest()[: 2 * ID_BYTES]


def write(path: Path, tensors: Mapping[str, Tensor], largest_bytes: int | None = None) -> str:
    """Writes a file whole or not at all; returns the id, which the file also carries.

    Raises WeightsError where the file would be larger than `largest_bytes`, OSError where it cannot be written.
    """
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    name = identity(plain)
    content = save(plain, metadata={"id": name})
    if largest_bytes is not None and len(content) > largest_bytes:
        raise WeightsError(f"{path} would have {len(content)} bytes, {largest_bytes} are the most")
    write_whole(path, content)
    return name


def read(path: Path) -> Weights:
    """Raises WeightsError where the file cannot be read or its contents are not those that its id was made of."""
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
            stated = (file.metadata() or {}).get("id")
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"{path} holds no weights: {error}") from error
    if identity(tensors) != stated:
        raise WeightsError(f"{path} is damaged: its contents are not those of its id")
    return Weights(tensors, stated)


def network_tensors(model: Model) -> dict[str, Tensor]:
    """The float networks in half precision, without what the entropy part has as integers. Raises WeightsError beyond its range."""
    tensors = {}
    for name, tensor in model.state_dict().items():
        if any(part in name for part in ENTROPY_PARTS):
            continue
        half = tensor.detach().half()
        if not torch.isfinite(half).all():
            raise WeightsError(f"{name} has values that half precision cannot hold")
        tensors[name] = half
    return tensors


def entropy_tensors(model: Model, quantise: QuantiseScaleDecoder) -> dict[str, Tensor]:
    """The integers of the entropy part of both components: gains (int16, in 1/128 level), frequencies of z (int32), hyper-scale decoder."""
    tensors: dict[str, Tensor] = {}
    for component, prior in (("luma", model.luma_prior), ("chroma", model.chroma_prior)):
        tensors[f"{component}.gain_logs"] = prior.gains.gain_logs()
        tensors[f"{component}.frequencies"] = prior.symbols.frequencies()
        for name, tensor in quantise(prior.scale_decoder.convolutions).items():
            tensors[f"{component}.scale_decoder.{name}"] = tensor
    return tensors


def load_networks(weights: Weights, dimensions: Dimensions) -> Model:
    """The float networks in float32, for inference, without those of tools. The float entropy part is left as it is made: coders
    use the integers.

    Raises WeightsError where a tensor is missing or has another shape.
    """
    model = Model(dimensions)
    networks = {name: tensor for name, tensor in weights.tensors.items() if not name.startswith("tools.")}
    state = {name: tensor.float() for name, tensor in networks.items() if tensor.is_floating_point()}
    try:
        missing, unexpected = model.load_state_dict(state, strict=False)
    except RuntimeError as error:
        raise WeightsError(f"weights of other networks: {str(error).splitlines()[-1].strip()}") from error
    lacking = [name for name in missing if not any(part in name for part in ENTROPY_PARTS)]
    if lacking or unexpected:
        raise WeightsError(f"weights of other networks: {len(lacking)} tensors are missing, {len(unexpected)} are unknown")
    return model.eval().requires_grad_(False)

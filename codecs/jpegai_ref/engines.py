"""The ways to compute the networks: each gives a coder whose networks do the same in another arithmetic.

    cpu           PyTorch, float32; oneDNN where it has a kernel
    cuda          PyTorch on a GPU
    no-onednn     PyTorch's own convolutions
    float64       every network in float64, its inputs and outputs in float32
    compiled      torch.compile
    onnx          ONNX Runtime, see `onnx_networks`; decodes only
    float-scales  as cpu, but for the hyper-scale decoder, which is computed in float32: wrong on purpose, for who wants to see it noticed

Filters behind the synthesis are the same in all but cuda.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from jpegai_ref.coder import Coder, load
from jpegai_ref.distributions import LARGEST_INDEX
from jpegai_ref.exact import ExactComponent
from jpegai_ref.integer_conv import HIGHEST_INPUT, IntegerConv
from jpegai_ref.integer_hyperscale import IntegerHyperScale
from jpegai_ref.networks import decoder_networks, encoder_networks
from jpegai_ref.onnx_networks import by_onnx_runtime


def load_engine(engine: str, path: Path) -> Coder:
    """The weights of a file, computed by an engine. `no-onednn` is a setting of the process.

    Raises WeightsError, DeviceMissing as `coder.load`, DeviceMissing also where a package is not installed; ValueError for another name."""
    if engine not in _ENGINES:
        raise ValueError(f"{engine!r} is no engine; there are {', '.join(_ENGINES)}")
    return _ENGINES[engine](load(path, "cuda" if engine == "cuda" else "cpu"))


class InFloat64(nn.Module):
    """A network in float64 between float32 maps; gradients pass."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module.double()

    def forward(self, *inputs: Tensor | int) -> Tensor:
        output: Tensor = self.module(*(value.double() if isinstance(value, Tensor) else value for value in inputs))
        return output.float()


def float_sigma_index(decoder: IntegerHyperScale, z: NDArray[np.int8]) -> NDArray[np.int32]:
    """What `IntegerHyperScale.elsewhere` asks for, in float32 without the roundings between layers: nearly the integers, so of no use."""
    x = torch.from_numpy(z.astype(np.float32))[None]
    for layer in (decoder.first, decoder.second):
        x = _float_conv(layer, x).clamp(0, HIGHEST_INPUT)
    return torch.round(_float_conv(decoder.third, x).abs().clamp(max=LARGEST_INDEX))[0].to(torch.int32).numpy()


def _float_conv(layer: IntegerConv, x: Tensor) -> Tensor:
    scale = np.ldexp(np.float32(1), -layer.shift.astype(np.int64)).astype(np.float32)
    weight = torch.from_numpy(layer.weight.astype(np.float32) * scale[:, None, None, None])
    # The integers' bias has half a unit in it, for the rounding that is left out here.
    bias = torch.from_numpy(layer.bias.astype(np.float32) * scale) - 0.5 * torch.from_numpy((layer.shift > 0).astype(np.float32))
    return torch.nn.functional.conv2d(x, weight, bias, padding=layer.kernel // 2)


def _as_it_is(coder: Coder) -> Coder:
    return coder


def _without_onednn(coder: Coder) -> Coder:
    torch.backends.mkldnn.set_flags(False)  # type: ignore[no-untyped-call]
    return coder


def _in_float64(coder: Coder) -> Coder:
    return _with_networks(coder, InFloat64)


def _compiled(coder: Coder) -> Coder:
    def compiled(module: nn.Module) -> nn.Module:
        # Sizes are no constants: one compilation serves all pictures.
        return cast(nn.Module, torch.compile(module, dynamic=True))

    return _with_networks(coder, compiled)


def _with_networks(coder: Coder, changed: Callable[[nn.Module], nn.Module]) -> Coder:
    for network in (*encoder_networks(coder.model), *decoder_networks(coder.model)):
        network.replace(changed(network.module))
    return coder


def _with_float_scales(coder: Coder) -> Coder:
    def component(exact: ExactComponent) -> ExactComponent:
        integers = exact.scale_decoder
        return replace(exact, scale_decoder=replace(integers, elsewhere=lambda z: float_sigma_index(integers, z)))

    return replace(coder, exact=replace(coder.exact, luma=component(coder.exact.luma), chroma=component(coder.exact.chroma)))


_ENGINES: Mapping[str, Callable[[Coder], Coder]] = MappingProxyType(
    {
        "cpu": _as_it_is,
        "cuda": _as_it_is,
        "no-onednn": _without_onednn,
        "float64": _in_float64,
        "compiled": _compiled,
        "onnx": by_onnx_runtime,
        "float-scales": _with_float_scales,
    }
)

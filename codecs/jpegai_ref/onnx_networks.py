"""The networks of the decoder as ONNX graphs, and their computation by ONNX Runtime: a second decoder, whose arithmetic is not PyTorch's.

A graph takes what the module takes: maps (1, c, h, w) float32 of any h and w and, where the output is cropped, `size`, (2,) int64: height
and width of the luma plane. The hyper-scale decoders take z (C, hz, wz) float64 and give the sigma index ahead of the pixel shuffle,
(16C, hz, wz) float64: whole numbers, all sums of which float64 holds exactly.

Needs the packages onnx and onnxruntime, without which all the rest works.
"""

from __future__ import annotations

import io
import threading
import warnings
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from jpegai_ref.coder import Coder, DeviceMissing, inference
from jpegai_ref.devices import ONNX_PACKAGES, not_installed
from jpegai_ref.distributions import LARGEST_INDEX
from jpegai_ref.exact import ExactComponent
from jpegai_ref.integer_conv import HIGHEST_INPUT, IntegerConv
from jpegai_ref.integer_hyperscale import IntegerHyperScale
from jpegai_ref.networks import Network, decoder_networks

OPSET = 17
EXAMPLE_ROWS, EXAMPLE_COLUMNS = 6, 4
"""Of the maps that a module is traced with."""
_EXPORTING = threading.Lock()


def check_installed(*packages: str) -> None:
    """Raises DeviceMissing where one is not installed."""
    if missing := not_installed(*packages):
        raise DeviceMissing(missing)


class _Sized(nn.Module):
    """A module that takes height and width, with both in one tensor."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, *inputs: Tensor) -> Tensor:
        *maps, size = inputs
        output: Tensor = self.module(*maps, size[0], size[1])
        return output


class _IntegerLayer(nn.Module):
    """`IntegerConv.in_float64` as a graph; zeros beyond the map. (Cin, h, w) -> (Cout, h, w), float64."""

    def __init__(self, layer: IntegerConv) -> None:
        super().__init__()
        self.side = layer.kernel
        self.register_buffer(
            "taps", torch.from_numpy(layer.weight.transpose(2, 3, 0, 1).reshape(-1, *layer.weight.shape[:2]).astype(np.float64))
        )
        self.register_buffer("bias", torch.from_numpy(layer.bias.astype(np.float64))[:, None, None])
        self.register_buffer("scale", torch.from_numpy(np.ldexp(1.0, -layer.shift.astype(np.int64)))[:, None, None])

    def forward(self, x: Tensor) -> Tensor:
        height, width, margin = x.shape[1], x.shape[2], self.side // 2
        x = torch.nn.functional.pad(x, (margin,) * 4)
        taps: Tensor = self.get_buffer("taps")
        sums = self.get_buffer("bias")
        for index, tap in enumerate(taps):
            row, column = divmod(index, self.side)
            window = x[:, row : row + height, column : column + width]
            sums = sums + (tap @ window.reshape(x.shape[0], -1)).reshape(-1, height, width)
        return torch.floor(sums * self.get_buffer("scale"))


class _ScaleDecoder(nn.Module):
    """z (C, hz, wz) -> sigma index ahead of the pixel shuffle (16C, hz, wz), float64."""

    def __init__(self, decoder: IntegerHyperScale) -> None:
        super().__init__()
        self.first, self.second, self.third = (_IntegerLayer(layer) for layer in (decoder.first, decoder.second, decoder.third))

    def forward(self, z: Tensor) -> Tensor:
        hidden = self.second(self.first(z).clamp(0, HIGHEST_INPUT)).clamp(0, HIGHEST_INPUT)
        index: Tensor = self.third(hidden).abs().clamp(max=LARGEST_INDEX)
        return index


def graphs(coder: Coder, operating_points: tuple[str, ...]) -> Iterator[tuple[str, bytes]]:
    """(name, ONNX file) of every network that a decoder of these operating points runs. Raises DeviceMissing without the package onnx."""
    check_installed("onnx")
    for name, exact in (("luma", coder.exact.luma), ("chroma", coder.exact.chroma)):
        yield f"{name}_hyper_scale_decoder", _marked(_scale_decoder_graph(exact.scale_decoder), coder)
    for network in decoder_networks(coder.model, operating_points):
        yield network.name, _marked(_network_graph(network), coder)


def by_onnx_runtime(coder: Coder) -> Coder:
    """The coder with every network of the decoder, the integer ones too, computed by ONNX Runtime; its modules are replaced in place.

    The entropy decoder and the filters behind the synthesis stay as they are. Raises DeviceMissing where a package is not installed."""
    check_installed(*ONNX_PACKAGES)
    for network in decoder_networks(coder.model):
        network.replace(_Computed(network))

    def component(exact: ExactComponent) -> ExactComponent:
        return replace(exact, scale_decoder=replace(exact.scale_decoder, elsewhere=_ComputedScales(exact.scale_decoder)))

    integers = replace(coder.exact, luma=component(coder.exact.luma), chroma=component(coder.exact.chroma))
    return replace(coder, exact=integers)


class _Computed(nn.Module):
    """A network in ONNX Runtime, of which a graph is made when it is first run."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self._network = replace(network, owner=_Holder(network.module), attribute="held")
        self._session: Any = None

    def forward(self, *inputs: Tensor | int) -> Tensor:
        # Tasks of several threads may come here first together, and PyTorch's exporter is for one at a time.
        with _EXPORTING:
            if self._session is None:
                self._session = _session(_network_graph(self._network))
        maps = [value for value in inputs if isinstance(value, Tensor)]
        feeds = {name: value.numpy() for (name, _), value in zip(self._network.inputs, maps, strict=True)}
        if self._network.stride is not None:
            feeds["size"] = np.array(inputs[len(maps) :], np.int64)
        return torch.from_numpy(self._session.run(None, feeds)[0])


class _Holder(nn.Module):
    def __init__(self, held: nn.Module) -> None:
        super().__init__()
        self.held = held


class _ComputedScales:
    """What `IntegerHyperScale.elsewhere` asks for, by ONNX Runtime."""

    def __init__(self, decoder: IntegerHyperScale) -> None:
        self._decoder = decoder
        self._session: Any = None

    def __call__(self, z: NDArray[np.int8]) -> NDArray[np.int32]:
        with _EXPORTING:
            if self._session is None:
                self._session = _session(_scale_decoder_graph(self._decoder))
        index: NDArray[np.float64] = self._session.run(None, {"z": z.astype(np.float64)})[0]
        return index.astype(np.int32)


def _network_graph(network: Network) -> bytes:
    maps = tuple(torch.zeros(1, channels, EXAMPLE_ROWS, EXAMPLE_COLUMNS) for _, channels in network.inputs)
    names, module = [name for name, _ in network.inputs], network.module
    axes = {name: {2: "rows", 3: "columns"} for name in names} | {"output": {2: "output_rows", 3: "output_columns"}}
    if network.stride is None:
        return _graph(module, maps, names, axes)
    # Sizes that are no multiples: nothing of the crop may be taken for a constant.
    size = torch.tensor([EXAMPLE_ROWS * network.stride - 3, EXAMPLE_COLUMNS * network.stride - 5])
    return _graph(_Sized(module), (*maps, size), [*names, "size"], axes)


def _scale_decoder_graph(decoder: IntegerHyperScale) -> bytes:
    example = torch.zeros(decoder.channels, EXAMPLE_ROWS, EXAMPLE_COLUMNS, dtype=torch.float64)
    axes = {"z": {1: "rows", 2: "columns"}, "output": {1: "rows", 2: "columns"}}
    return _graph(_ScaleDecoder(decoder), (example,), ["z"], axes)


def _graph(module: nn.Module, example: tuple[Tensor, ...], names: list[str], axes: dict[str, dict[int, str]]) -> bytes:
    file = io.BytesIO()
    # PyTorch's newer exporter needs another package and a description of shapes; the older one warns that it is older.
    with warnings.catch_warnings(), inference():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module.eval(),
            example,
            file,  # type: ignore[arg-type]  # the older exporter takes files, the newer one, whose type is stated, does not
            dynamo=False,
            opset_version=OPSET,
            input_names=names,
            output_names=["output"],
            dynamic_axes=axes,
        )
    return file.getvalue()


def _marked(graph: bytes, coder: Coder) -> bytes:
    """The checked graph, with the id of the weights."""
    import onnx

    model = onnx.load_model_from_string(graph)
    onnx.checker.check_model(model)
    onnx.helper.set_model_props(model, {"weights_id": coder.weights_id.hex()})
    content: bytes = model.SerializeToString()
    return content


def _session(graph: bytes) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])

"""The codec in the evaluation harness: three decoders of one encoder, `jpegai-sop`, `jpegai-bop`, `jpegai-hop`.

With coding tools they are called `jpegai-bop+rvs`, `jpegai-sop+lsbs+lef` and so on; those that decode on a GPU what a CPU has encoded,
`jpegai-bop+gpu`, `jpegai-bop+rvs+gpu`.

With `processes` the only file of the package that knows the harness. PyTorch is not imported here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from importlib.metadata import version as package_version
from pathlib import Path
from typing import Any

from ctc.complexity.child import python_command
from ctc.complexity.resident import Resident
from ctc.errors import ToolMissing, UsageError
from ctc.protocols import CountedSide
from ctc.records import CodecDevice, Cost, DecoderModel, Knob, ModelSizes, PixelFormat
from jpegai_ref.decoder_cost import (
    CONTEXT,
    COUNTING,
    HYPER,
    OF_FILTERS,
    decoder_macs,
    integer_macs,
    integer_parameters,
    is_decoders,
    kmac_per_pixel,
    parameters,
)
from jpegai_ref.devices import Device
from jpegai_ref.dimensions import OperatingPoint
from jpegai_ref.encoder_cost import encoder_macs, encoder_parameters
from jpegai_ref.knob import HIGHEST_QUALITY, START
from jpegai_ref.processes import GPU_ENGINE, PACKAGE, WHOLE, device_called, device_processes, devices, gpu_driver, gpu_process, resident
from jpegai_ref.tools import NO_TOOLS, Tools, ToolUnavailable, tools_of_tensors, usable

ID_DIGITS = 8
TYPICAL_SIDE = 512
"""Of the picture whose complexity the notes state: one tile, of full blocks."""
DEEP_BITS = 10
"""Of what pictures of more than 8 bits are coded with. The codec itself takes 8 to 16; PQ and the grid of the metrics have 10."""
GPU = "gpu"
"""The last switch."""
LABELS = {
    "efe-linear": "EFE linear",
    "eicci": "eICCI",
    "efe-nonlinear": "EFE non-linear",
    "no-skip": "skip off",
    "quality-map": "quality map",
}
"""What tables call the tools whose names are no abbreviations."""


@lru_cache
def code_digest() -> str:
    """Of the sources that decide the bits: all but training."""
    content = hashlib.sha256()
    for source in sorted(PACKAGE.glob("*.py")):
        content.update(source.name.encode() + b"\0" + source.read_bytes())
    return content.hexdigest()[:ID_DIGITS]


@contextmanager
def opened_weights() -> Iterator[Any]:
    """The file of weights, its tensors as NumPy's. Raises ToolMissing where there is none, or none that can be read."""
    from safetensors import SafetensorError, safe_open

    from jpegai_ref.weights_place import WeightsMissing, weights_file

    try:
        with safe_open(weights_file(), framework="numpy") as file:
            yield file
    except WeightsMissing as error:
        raise ToolMissing(f"jpegai_ref cannot code: {error}") from error
    except (OSError, SafetensorError) as error:
        raise ToolMissing(f"jpegai_ref cannot code: its weights cannot be read ({error})") from error


class JpegAi:
    """One operating point of the decoder, and the tools of the encoder; the bitstream is the same for all operating points.

    With a `gpu_share`, the part of its memory that may be taken, the decoder is on the GPU. The encoder never is."""

    citation = "structure of ISO/IEC 6048-1 | ITU-T T.840.1 (JPEG AI), own weights; jpegai_ref"
    knob = Knob("quality", 0, HIGHEST_QUALITY, integer=True, rate_rises=True, start=START)
    seconds_per_megapixel = 1.0

    def __init__(
        self, operating_point: OperatingPoint, tools: Tools = NO_TOOLS, bits: int = 8, threads: int = 1, gpu_share: float | None = None
    ) -> None:
        self._operating_point, self._tools, self._threads, self._gpu_share = operating_point, tools, threads, gpu_share
        self.pixels = PixelFormat("ppm", bit_depth=bits)
        on_gpu = gpu_share is not None
        self.loads = "jpegai_ref on a GPU" if on_gpu else "jpegai_ref"
        self.name = "+".join(filter(None, [f"jpegai-{operating_point}", str(tools), GPU * on_gpu]))
        kmac = self.decoding_kmac_per_pixel(TYPICAL_SIDE, TYPICAL_SIDE)
        self.note = f"{kmac:.1f} kMAC/px to decode; not the reference software, and trained on far less: says nothing of JPEG AI itself"

    @property
    def deep(self) -> JpegAi:
        """The same codec, given and giving 10 bits. Its colour transform stays that of BT.709, whatever the transfer."""
        return _variant(self._operating_point, self._tools, DEEP_BITS, self._threads, self._gpu_share)

    def switches(self) -> tuple[tuple[str, ...], ...]:
        """The tools that the weights have constants for, and the GPU where there is a driver for one; none where there are no weights."""
        try:
            with opened_weights() as file:
                return (*usable(tools_of_tensors(file.keys())), *(((GPU,),) if gpu_driver() else ()))
        except ToolMissing:
            return ()

    def variant(self, switches: str) -> JpegAi:
        """The codec with tools, `rvs+cwg`, `rvs+gpu`. Raises UsageError where there are no such tools or their order is another."""
        asked, names = f"unknown codec '{self.name}+{switches}'", switches.split("+")
        on_gpu = names[-1] == GPU
        try:
            tools = Tools.parse("+".join(names[:-1] if on_gpu else names))
        except ValueError as error:
            raise UsageError(f"{asked}: {error}; behind them {GPU}, to decode on a GPU") from error
        found = _variant(self._operating_point, tools, self.pixels.bit_depth, self._threads, WHOLE if on_gpu else None)
        if found.name != f"{self.name}+{switches}":
            raise UsageError(f"{asked}: did you mean {found.name}?")
        return found

    def threaded(self, threads: int) -> JpegAi:
        return _variant(self._operating_point, self._tools, self.pixels.bit_depth, threads, self._gpu_share)

    def load(self) -> Cost:
        if self._gpu_share is None:
            return resident(self._threads).load(python_command("jpegai_ref.resident"))
        self.leave()
        return self._on_gpu(self._gpu_share).load(python_command("jpegai_ref.resident", GPU_ENGINE), GPU_ENGINE)

    def leave(self) -> None:
        resident(self._threads).stop()
        if self._gpu_share is not None:
            gpu_process().stop()

    def gpu_sides(self) -> tuple[str, ...]:
        return () if self._gpu_share is None else ("decoder",)

    def gpu_bytes(self) -> int:
        """Raises ToolMissing where there is no GPU."""
        return self._gpu().memory_bytes

    def capped(self, fraction: float) -> JpegAi:
        """What PyTorch takes is capped; CUDA itself takes some hundred MiB besides, in every process."""
        return JpegAi(self._operating_point, self._tools, self.pixels.bit_depth, self._threads, fraction)

    def version(self) -> str:
        """Raises ToolMissing where there are no weights, none with the constants of the tools, or no GPU for a decoder on one."""
        where = [] if self._gpu_share is None else [f"decoded by {self._gpu().about}"]
        return ", ".join([self.encoder()[1], self._operating_point.upper(), *where])

    def encoder(self) -> tuple[str, str]:
        """That of all operating points with the same tools. Raises ToolMissing as `version`."""
        with opened_weights() as file:
            weights_id = (file.metadata() or {}).get("id", "")
            try:
                self._tools.require(tools_of_tensors(file.keys()))
            except ToolUnavailable as error:
                raise ToolMissing(f"{self.name} cannot code: {error}") from error
        torch = package_version("torch")
        parts = [f"jpegai_ref code {code_digest()}", f"weights {weights_id[:ID_DIGITS]}"]
        parts += [f"tools {self._tools}"] if self._tools != NO_TOOLS else []
        return "+".join(filter(None, ["jpegai", str(self._tools)])), ", ".join([*parts, f"torch {torch}"])

    def decoder_model(self) -> DecoderModel:
        """Raises ToolMissing as `version`."""
        point, tools = self._operating_point, self._tools
        with opened_weights() as file:
            size = sum(file.get_tensor(name).nbytes for name in file.keys() if is_decoders(name, point, tools))  # noqa: SIM118 - not a mapping
        labels = tuple(LABELS.get(name, name.upper()) for name in tools.names)
        return DecoderModel(point.upper(), labels, parameters(point, tools), size, COUNTING, "" if self._gpu_share is None else "GPU")

    def decoding_kmac_per_pixel(self, width: int, height: int) -> float:
        return kmac_per_pixel(self._operating_point, self._tools, width, height)

    def sides(self, source: Path, setting: float) -> tuple[CountedSide, CountedSide]:
        """Encoder and decoder for counting. Raises ToolMissing as `version`."""
        from jpegai_ref.counted_sides import coding_of

        self.version()
        coding = coding_of(source, int(setting), self._tools, self._operating_point)
        networks, unseen = coding.networks(), {HYPER: integer_macs(*coding.size)}
        encoder = encoder_macs(*coding.size)
        if self._tools.rdlr:
            # It runs the context model, and the synthesis both ways, as often as the picture asks for.
            del encoder[CONTEXT]
        decoder = decoder_macs(self._operating_point, self._tools, *coding.size)
        return (
            CountedSide("encoder", coding.encode, networks, OF_FILTERS, encoder, unseen),
            CountedSide("decoder", coding.decode, networks, OF_FILTERS, decoder, unseen),
        )

    def model_sizes(self) -> ModelSizes:
        """Raises ToolMissing as `version`."""
        point, tools = self._operating_point, self._tools
        with opened_weights() as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
        needed = {name: tensor for name, tensor in tensors.items() if is_decoders(name, point, tools)}
        copies = {name for name in needed if name.startswith("synthesis.") and name.split(".")[2] != "0"}
        one = [tensor for name, tensor in needed.items() if name not in copies]
        return ModelSizes(
            decoder_parameters=parameters(point, tools),
            decoder_bytes=sum(tensor.nbytes for tensor in one),
            decoder_parameters_all=parameters(point, tools) + sum(needed[name].size for name in copies),
            decoder_bytes_all=sum(tensor.nbytes for tensor in needed.values()),
            encoder_parameters=encoder_parameters(),
            parameters_all=integer_parameters() + sum(tensor.size for tensor in tensors.values() if tensor.dtype.kind == "f"),
            bytes_all=sum(tensor.nbytes for tensor in tensors.values()),
            precision=f"stored as {_types(one)}; computed in float32, the entropy part in integers",
        )

    def encode_command(self, source: Path, bitstream: Path, setting: float) -> tuple[str, ...]:
        tools = ("--tools", str(self._tools)) if self._tools != NO_TOOLS else ()
        options = ("--quality", str(int(setting)), *tools, *_on(self._threads))
        return python_command("jpegai_ref", "encode", str(source), str(bitstream), *options)

    def decode_command(self, bitstream: Path, destination: Path) -> tuple[str, ...]:
        options = _on(self._threads) if self._gpu_share is None else _on(self._threads, GPU_ENGINE)
        return python_command("jpegai_ref", "decode", str(bitstream), str(destination), "--op", self._operating_point, *options)

    def encode(self, source: Path, bitstream: Path, setting: float) -> Cost:
        return resident(self._threads).run(self._encoding(source, bitstream, setting), self.encode_command(source, bitstream, setting))

    def decode(self, bitstream: Path, destination: Path) -> Cost:
        task, command = self._decoding(bitstream, destination), self.decode_command(bitstream, destination)
        if self._gpu_share is None:
            return resident(self._threads).run(task, command)
        return self._on_gpu(self._gpu_share).run(task, command, GPU_ENGINE)

    def devices(self) -> tuple[CodecDevice, ...]:
        return tuple(CodecDevice(each.name, each.about, each.encodes, each.missing, each.broken, each.slow) for each in devices())

    def own_devices(self) -> tuple[str, str]:
        """However many threads there are: they change no bit."""
        return "cpu", "cpu" if self._gpu_share is None else GPU_ENGINE

    def encode_on(self, device: str, source: Path, bitstream: Path, setting: float, trace: Path) -> Cost:
        chosen, task = device_called(device), self._encoding(source, bitstream, setting)
        command = (*self._threaded_by(chosen).encode_command(source, bitstream, setting), "--device", chosen.engine)
        return device_processes().run(chosen, {**task, "trace": str(trace)}, command)

    def decode_on(self, device: str, bitstream: Path, destination: Path, trace: Path) -> Cost:
        chosen, task = device_called(device), self._decoding(bitstream, destination)
        command = (*self._threaded_by(chosen).decode_command(bitstream, destination), "--device", chosen.engine)
        return device_processes().run(chosen, {**task, "trace": str(trace)}, command)

    def leave_devices(self) -> None:
        device_processes().leave()

    def _threaded_by(self, device: Device) -> JpegAi:
        """The same codec with the threads of `device`, not on a GPU."""
        return _variant(self._operating_point, self._tools, self.pixels.bit_depth, device.threads, None)

    def _on_gpu(self, share: float) -> Resident:
        return gpu_process().of(self._threads, share)

    def _gpu(self) -> Device:
        found = device_called(GPU_ENGINE)
        if found.missing:
            raise ToolMissing(f"{self.name} cannot decode: {found.missing}")
        return found

    def _encoding(self, source: Path, bitstream: Path, setting: float) -> dict[str, Any]:
        files = {"source": str(source), "destination": str(bitstream)}
        return {"task": "encode", **files, "quality": int(setting), "tools": str(self._tools)}

    def _decoding(self, bitstream: Path, destination: Path) -> dict[str, Any]:
        return {"task": "decode", "source": str(bitstream), "destination": str(destination), "operating_point": self._operating_point}


def _on(threads: int, engine: str | None = None) -> tuple[str, ...]:
    """The options that say how it is computed."""
    return ("--threads", str(threads), *(("--device", engine) if engine else ()))


def _types(tensors: Iterable[Any]) -> str:
    """How many bytes of each type of number, the most first."""
    of_type: dict[str, int] = {}
    for tensor in tensors:
        of_type[str(tensor.dtype)] = of_type.get(str(tensor.dtype), 0) + tensor.nbytes
    return ", ".join(f"{kind} ({size / 2**20:.2f} MiB)" for kind, size in sorted(of_type.items(), key=lambda item: -item[1]))


@lru_cache
def _variant(operating_point: OperatingPoint, tools: Tools, bits: int, threads: int, gpu_share: float | None) -> JpegAi:
    """The same object each time, as the registry has it of those that it lists."""
    return JpegAi(operating_point, tools, bits, threads, gpu_share)


CODECS = (JpegAi("sop"), JpegAi("bop"), JpegAi("hop"))

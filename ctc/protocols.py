"""The shapes of plug-ins: a codec, a metric, a report, an executor. Nothing inherits from these."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from ctc.records import Campaign, CodecDevice, Cost, DecoderModel, Knob, MetricInfo, ModelSizes, PixelFormat, Transfer

Item = TypeVar("Item")
Result = TypeVar("Result")

Device = Literal["cpu", "cuda"]

Codes = NDArray[np.uint16]
"""Integer sample codes 0..peak. Shape (height, width) for "y"; (3, height, width) for "yuv" and "rgb"."""


class Codec(Protocol):
    """A codec under test or an anchor. Files cross this seam, not arrays."""

    name: str
    knob: Knob
    pixels: PixelFormat
    citation: str
    note: str
    """A caveat that every table shows beside the name, or empty."""
    seconds_per_megapixel: float
    """Typical encode time on one core, for the order of jobs and the estimate of `--dry-run`."""

    def version(self) -> str:
        """Everything that decides the bits: program, library and version, fixed settings. Asks the tool.

        Raises ToolMissing, saying how to get it."""
        ...

    def encode_command(self, source: Path, bitstream: Path, setting: float) -> tuple[str, ...]:
        """The command line that `encode` runs. The size of a raw source is in its name, see `pixels.raw_name`.

        Of a file that is named with its folder, only the name enters the key of what was made: its content belongs in `version`."""
        ...

    def decode_command(self, bitstream: Path, destination: Path) -> tuple[str, ...]: ...

    def encode(self, source: Path, bitstream: Path, setting: float) -> Cost:
        """Writes `bitstream`. Raises ToolFailed."""
        ...

    def decode(self, bitstream: Path, destination: Path) -> Cost:
        """Writes `destination` in the codec's pixel format. Raises ToolFailed."""
        ...


@runtime_checkable
class Varied(Protocol):
    """A codec with switches: `NAME+SWITCH+SWITCH` is a codec of its own, which no list names."""

    def switches(self) -> tuple[tuple[str, ...], ...]:
        """Names of those that can be used on this machine, in their order; of several in one place only one goes with the others."""
        ...

    def variant(self, switches: str) -> Codec:
        """The codec with some, joined by `+` in the order of `switches`. Raises UsageError for others."""
        ...


@runtime_checkable
class External(Protocol):
    """What a codec has besides, if it is a program that does not come with the installation."""

    def locate(self) -> Path:
        """Where the program is. Raises ToolMissing, saying how to get it or what of it is missing."""
        ...


@runtime_checkable
class SharesBitstreams(Protocol):
    """What a codec has besides, if it is one of several decoders of the same bitstreams: what one of them has encoded serves all."""

    def encoder(self) -> tuple[str, str]:
        """Name and version of the encoder that they share. It stands for `name` and `version` in all that concerns bitstreams.

        Raises ToolMissing."""
        ...


@runtime_checkable
class Prepared(Protocol):
    """What a codec has besides, if its program wants more than the harness's files: a copy of the source in another format, a folder, an
    environment. Its command lines cannot be repeated by hand, and reports give that of `ctc encode` alone."""

    def deciding(self, command: tuple[str, ...]) -> tuple[str, ...]:
        """Those arguments of one of its command lines that decide what it writes, for the key of that: not where or on which of several
        like devices it runs."""
        ...


@runtime_checkable
class Deepened(Protocol):
    """What a codec has besides, if it codes pictures of more than 8 bits in another way."""

    deep: Codec
    """The codec of the same name that does."""


@runtime_checkable
class Learned(Protocol):
    """What a codec has besides, if its decoder is a trained model: what the table of operating points and tools says of it."""

    def decoder_model(self) -> DecoderModel:
        """Raises ToolMissing."""
        ...

    def decoding_kmac_per_pixel(self, width: int, height: int) -> float:
        """Thousands of multiply-accumulates for each pixel of a picture of this size, as they are computed: overlap and padding count."""
        ...


@runtime_checkable
class SaysLearned(Protocol):
    """What a codec has besides, if its decoder is a trained model of which it cannot say what `Learned` asks. A codec that has nothing of
    either is taken as one that is not learned."""

    learned: bool


@dataclass(frozen=True)
class CountedSide:
    """An encoder or decoder, ready to code one picture while its operations are counted."""

    name: str
    """"encoder" or "decoder"."""
    run: Callable[[], object]
    networks: Mapping[str, Sequence[Any]]
    """Part -> PyTorch modules."""
    rest: str
    """Name of what is computed outside all of them."""
    formula: Mapping[str, int]
    """Part -> multiply-accumulates by the layers' sizes, for the parts that have a formula."""
    unseen: Mapping[str, int]
    """Part -> those of them that PyTorch does not compute."""


@runtime_checkable
class Countable(Learned, Protocol):
    """What a learned codec has besides, if its operations can be counted while it codes; see `complexity.macs`."""

    def sides(self, source: Path, setting: float) -> tuple[CountedSide, CountedSide]:
        """Encoder, then decoder of what that has made, for a picture in the codec's pixel format. Loads PyTorch. Raises ToolMissing."""
        ...

    def model_sizes(self) -> ModelSizes:
        """Raises ToolMissing."""
        ...


@runtime_checkable
class Portable(Protocol):
    """What a codec has besides, if it can be computed on several devices, between which its bitstreams must travel.

    `trace` is a file that is written, NPZ: the integers that decide the bitstream, by name, in an order in which each follows from those
    before it. A decoder that fails writes those that it knew. Devices are asked for one after the other, not in turns."""

    def devices(self) -> tuple[CodecDevice, ...]:
        """All that it knows of, also those that this machine lacks; that which the others are compared with first. Raises ToolMissing."""
        ...

    def own_devices(self) -> tuple[str, str]:
        """Names of those on which `Codec.encode` and `Codec.decode` compute, also where this machine lacks them."""
        ...

    def encode_on(self, device: str, source: Path, bitstream: Path, setting: float, trace: Path) -> Cost:
        """As `Codec.encode`, on the device called so. Raises ToolFailed, UsageError for a device that there is not."""
        ...

    def decode_on(self, device: str, bitstream: Path, destination: Path, trace: Path) -> Cost:
        """As `Codec.decode`. Raises as `encode_on`."""
        ...

    def leave_devices(self) -> None:
        """Ends what was started for them."""
        ...


@runtime_checkable
class Threaded(Protocol):
    """What a codec has besides, if it can be computed by several threads without another bitstream; others use one."""

    def threaded(self, threads: int) -> Codec:
        """The codec with up to so many; what it uses of them is in the costs."""
        ...


@runtime_checkable
class Staying(Protocol):
    """What a codec has besides, if the process that codes stays, with all that it has loaded."""

    loads: str
    """Name of what is loaded; codecs with the same share a process."""

    def load(self) -> Cost:
        """Ends that process, if there is one, and starts it anew; what that took, until it is ready to code. Raises ToolFailed."""
        ...

    def leave(self) -> None:
        """Ends it."""
        ...


@runtime_checkable
class OnGpu(Protocol):
    """What a codec has besides, if it can compute on a GPU."""

    def gpu_sides(self) -> tuple[str, ...]:
        """Which of "encoder" and "decoder" do; none of a variant that leaves it to the CPU."""
        ...

    def gpu_bytes(self) -> int:
        """Memory of the GPU. Raises ToolMissing where there is none."""
        ...

    def capped(self, fraction: float) -> Codec:
        """The same codec with no more than this part of the memory, 0 to 1; raises ToolFailed where that is too little."""
        ...


Scorer = Callable[[Codes], float]
"""The score of a distorted picture against a reference that is known already. May be infinite; raises MetricUndefined with a reason."""

Against = Callable[[Codes, int], Scorer]
"""(reference, peak) -> scorer: does all that depends on the reference alone, once for any number of distorted pictures."""


class Accelerated(Protocol):
    """A metric on a GPU."""

    def __call__(self, reference: Codes, peak: int, /) -> Scorer:
        """As `Against`. Raises ToolMissing where there is no GPU, OutOfDeviceMemory where it is too small."""
        ...

    def version(self) -> str:
        """Everything that decides the digits. Raises ToolMissing."""
        ...


Joint = Callable[[Codes, int], Callable[[Codes], Mapping[str, float]]]
"""As `Against`, for several metrics that share their work: the values by the name of the metric."""


def one_of(joint: Joint, name: str) -> Against:
    """The metric `name` out of several that are computed in one call."""

    def against(reference: Codes, peak: int) -> Scorer:
        score = joint(reference, peak)
        return lambda distorted: score(distorted)[name]

    return against


def each_alone(score: Callable[[Codes, Codes, int], float]) -> Against:
    """A metric `score(reference, distorted, peak)` that has nothing to do ahead for a reference."""

    def against(reference: Codes, peak: int) -> Scorer:
        return lambda distorted: score(reference, distorted, peak)

    return against


@dataclass(frozen=True)
class Metric:
    """A record around a pure function of two pictures.

    `against(reference, peak)(distorted)` gets arrays of codes on the internal grid (10 bits: peak 1023) as `wants` says:
    "y" the full-range luma (height, width), BT.709 of SDR pictures and BT.2020 of PQ pictures; "yuv" Y, Cb, Cr (3, height, width) at
    4:4:4, neutral chroma at half the peak; "rgb" R, G, B (3, height, width). See `pixels.metric_codes`. Either call raises
    MetricUndefined with a reason where there is no value, and ValueError for arrays of other shapes.
    """

    info: MetricInfo
    wants: Literal["y", "yuv", "rgb"]
    against: Against
    tool_version: Callable[[], str] | None = None
    """Asks the program behind the metric, where there is one, for its version. Raises ToolMissing."""
    extra: bool = False
    """Offered, but computed only when asked for by name."""
    joint: Joint | None = None
    """Where the metric shares its work with others: what computes them all in one call. These have the same `joint`."""
    on_cuda: Accelerated | None = None
    """The same metric by torch on a GPU, within the tolerance on the golden pairs; None where there is no such path."""

    @property
    def name(self) -> str:
        return self.info.name

    @property
    def transfer(self) -> Transfer | None:
        return self.info.transfer

    def version(self, device: Device = "cpu") -> str:
        """Everything that decides the digits on `device`. Raises ToolMissing."""
        if device == "cuda" and self.on_cuda is not None:
            return f"{self.info.version}, {self.on_cuda.version()}"
        return self.info.version if self.tool_version is None else f"{self.info.version}, {self.tool_version()}"

    def on(self, device: Device) -> Against:
        """What computes the metric where `device` is asked for: the CPU does what has no path on a GPU."""
        return self.on_cuda if device == "cuda" and self.on_cuda is not None else self.against

    def score(self, reference: Codes, distorted: Codes, peak: int) -> float:
        """The metric of one pair, on the CPU."""
        return self.against(reference, peak)(distorted)


class Report(Protocol):
    """One output format. `file_name` is what it writes under the output folder."""

    name: str
    file_name: str

    def render(self, campaign: Campaign) -> bytes: ...


class Executor(Protocol):
    """(work, items) -> results in the order in which they come. The builtin `map` is the serial one."""

    def __call__(self, work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]: ...

"""The nouns of a campaign: frozen records, one per thing that a stage hands to the next.

    Picture -> Job -> Coded -> Scored -> Campaign        (Unsupported, Unreachable and Failed leave from any stage)

This module imports nothing of ours. Units are in the field names: `_s` seconds, `_bytes` bytes, `_bpp` and `bpp`
bits per pixel of the source picture, `_percent` per cent. A missing value is `None` and comes with a reason;
infinity stays infinity.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Literal

TARGET_BPPS = (0.03, 0.06, 0.12, 0.25, 0.50, 0.75, 1.00, 1.50, 2.00)
"""All target rates of the common test conditions."""

BD_TARGET_BPPS = (0.06, 0.12, 0.25, 0.50, 0.75)
"""The five target rates over which the BD-rates of the common test conditions are computed; the default."""

AVG_METRICS = ("msssim", "vif", "fsim", "nlpd", "iwssim", "vmaf", "psnr_hvs")
"""The seven metrics whose BD-rates are averaged to AVG, in the column order of the VM4 tables."""

ALL = "ALL"
"""In place of a picture's name: the mean over pictures."""

AVG = "AVG"
"""In place of a metric's name: the mean of `AVG_METRICS`."""

Transfer = Literal["sdr", "pq"]
"""How light became the samples of a picture: "sdr" as sRGB and BT.709 do, or "pq", ITU-R BT.2100 with the primaries of BT.2020."""

METRIC_ORDER = (
    "msssim", "msssim_iqa", "iwssim", "vmaf", "vif", "fsim", "nlpd", "psnr_hvs_m", "psnr_hvs", "psnr_y", "psnr_u", "psnr_v",
    "vmaf_neg", "ciede2000", "pu21_psnr", "pu21_psnr_y", "pu21_msssim", "delta_e_itp", "wpsnr_y", "wpsnr_u", "wpsnr_v",
)  # fmt: skip
"""Column order of the metrics in every table; a metric that is not named here follows in order of name."""


def digest(content: Any) -> str:
    """sha256 (hexadecimal) of the canonical JSON of `content`: sorted keys, no spaces, no NaN."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Light:
    """What an entry of datasets.yaml says of the light in its pictures, above what the files say; None leaves it to them."""

    transfer: Transfer | None = None
    """Of files of integers, which rarely say it."""
    cd_m2_per_unit: float | None = None
    """What 1.0 is in files of linear light."""
    primaries: str | None = None
    """Those of files of linear light: a name of `light.PRIMARIES`."""


NOTHING_SAID = Light()


@dataclass(frozen=True)
class Picture:
    """A source picture. It is known by the hash of its samples; name and path are for people."""

    dataset: str
    name: str
    path: str
    width: int
    height: int
    bit_depth: int
    """Bits of a sample: 8 or 16 as stored, 10 where the transfer is PQ."""
    colour: str
    """How the file became RGB, e.g. "RGB", "grey repeated to RGB", "palette expanded to RGB"."""
    sha256: str
    """Hash of size, bit depth and RGB samples; see `pixels.sample_hash`. Empty where the samples were never seen."""
    transfer: Transfer = "sdr"
    light: Light = NOTHING_SAID
    """What was said of it beside its file."""

    @property
    def pixels(self) -> int:
        return self.width * self.height


@dataclass(frozen=True)
class Knob:
    """The one setting of a codec that trades rate for quality."""

    name: str
    """The codec's own word for it, e.g. "QP"."""
    lowest: float
    highest: float
    integer: bool
    rate_rises: bool
    """Whether a larger setting gives a larger rate."""
    start: tuple[tuple[float, float], ...]
    """(bpp, setting) pairs of a typical picture, in order of rising bpp: where a search begins. Two or more."""


@dataclass(frozen=True)
class PixelFormat:
    """What a codec eats and gives back. The harness converts, once, in `pixels`."""

    container: str
    """"ppm" (RGB, `P6`, big-endian above 8 bits) or "yuv" (raw planar, little-endian); 16-bit words above 8 bits."""
    chroma: str = "444"
    """"444" or "420"; a yuv container only."""
    bit_depth: int = 8
    minimum_side: int = 1
    """Smaller pictures are extended to it by repeating the last row and column, and cropped after decoding."""
    multiple_of: int = 1
    """Sides are extended in the same way to a multiple of this, e.g. 2 for 4:2:0."""


@dataclass(frozen=True)
class DecoderModel:
    """What a learned codec says of its decoder."""

    operating_point: str
    """As tables name it, e.g. "BOP"."""
    tools: tuple[str, ...]
    """Coding tools that are switched on, as tables name them; empty: tools off."""
    parameters: int
    """Of all networks that decode one picture."""
    bytes: int
    """Of all that a decoder of the operating point needs, for any rate, as stored."""
    counting: str
    """How its multiply-accumulates are counted."""


@dataclass(frozen=True)
class Complexity:
    """What a learned codec computes to decode a picture."""

    codec: str
    picture: str
    kmac_per_pixel: float


@dataclass(frozen=True)
class PartMacs:
    """Multiply-accumulates of one part of an encoder or decoder for one picture, by three ways of counting."""

    side: str
    """"encoder" or "decoder"."""
    part: str
    """"analysis", "hyper", "context", "synthesis luma", "synthesis chroma", "filters"."""
    formula: int | None
    """By the layers' sizes; None where what is computed depends on more than the picture's size."""
    flop_counter: int
    """By PyTorch's counter, while a picture was really coded."""
    official: int
    """By the rule of the JPEG AI reference software, while it was."""
    unseen: int
    """Of the formula: what PyTorch does not compute and its counter cannot see. It is in `official`."""
    transposed: int
    """Of `official`: what it counts beyond the arithmetic of transposed convolutions."""
    biases: int
    """Of `official`: biases."""
    elements: int
    """Of `official`: activations, pooling, normalisation."""
    functional: int
    """Of `flop_counter`: products outside the modules that the official rule knows, which it does not count."""


@dataclass(frozen=True)
class ModelSizes:
    """Parameters and bytes of a learned codec's networks. Bytes are as stored."""

    decoder_parameters: int
    """Of the largest model: the networks that decode one picture."""
    decoder_bytes: int
    decoder_parameters_all: int
    """Of a decoder for any rate."""
    decoder_bytes_all: int
    encoder_parameters: int
    """Of the networks that encode one picture."""
    parameters_all: int
    """Of all networks: of encoder and decoders for every operating point."""
    bytes_all: int
    precision: str
    """In what numbers weights are stored and sums computed."""


@dataclass(frozen=True)
class CodecInfo:
    """What a report says of a codec."""

    name: str
    version: str
    pixels: PixelFormat | None
    """This and `knob`: None for a codec that was not run here."""
    knob: Knob | None
    citation: str
    note: str = ""
    """A caveat that every table must show beside the name, or empty."""
    model: DecoderModel | None = None
    """None for a codec that is not learned."""
    source: str = ""
    """Who made its points, where it was not run here; else empty."""
    deep: CodecInfo | None = None
    """What it is for pictures of more than 8 bits, where it codes them in another way."""

    def on(self, picture: Picture) -> CodecInfo:
        """What it is for `picture`."""
        return self.deep if self.deep is not None and picture.bit_depth > 8 else self


@dataclass(frozen=True)
class MetricInfo:
    """What a report says of a metric."""

    name: str
    label: str
    version: str
    higher_is_better: bool
    range: str
    unit: str
    reference: str
    """Paper or standard."""
    equals: str
    """The program whose values it gives, and how nearly."""
    transfer: Transfer | None = None
    """Where it is defined for pictures of one transfer only: which. It is a default one of such pictures."""


@dataclass(frozen=True)
class Job:
    """One point to be made: a picture, a codec, a target rate."""

    picture: Picture
    codec: str
    codec_version: str
    target_bpp: float


@dataclass(frozen=True)
class Cost:
    """One measured execution. `machine` names where; a cost is never shown as another machine's."""

    wall_s: float
    cpu_s: float
    peak_bytes: int
    """Peak resident memory of the process that coded, its interpreter included where it has one."""
    device: str
    threads: int
    machine: str
    machine_idle: bool
    """Whether, at the moment it started, no other process wanted a processor."""


@dataclass(frozen=True)
class Coded:
    """A bitstream made for a job and the hash of what it decodes to."""

    job: Job
    setting: float | None
    """This and `tries`: None for a point that was not made here."""
    bytes: int
    bpp: float
    deviation: float
    """bpp / target - 1."""
    tries: int | None
    """Settings that were newly tried for this target; those shared from other targets of the picture are not counted."""
    bitstream_sha256: str
    """Empty, as `decoded_sha256`, where only numbers are known of the point."""
    decoded_sha256: str
    encode: Cost | None
    """None in a campaign where another machine took the time, or nobody."""
    decode: Cost | None
    encode_command: tuple[str, ...]
    decode_command: tuple[str, ...]
    reason: str = ""
    """Why the rate is further from the target than the tolerance, where it is."""


@dataclass(frozen=True)
class Score:
    """One metric's value, or None with the reason why it has none."""

    metric: str
    value: float | None
    reason: str = ""


@dataclass(frozen=True)
class Scored:
    coded: Coded
    repeatable: bool | None
    """Whether decoding a second time gave the same samples; those of the second time are scored. None where it was not decoded here."""
    scores: tuple[Score, ...]

    @property
    def place(self) -> tuple[str, str, float]:
        """(codec, picture, target bpp)"""
        return self.coded.job.codec, self.coded.job.picture.name, self.coded.job.target_bpp

    def value(self, metric: str) -> float | None:
        """Value of `metric`, None where it is missing or was not asked for."""
        return next((score.value for score in self.scores if score.metric == metric), None)


@dataclass(frozen=True)
class Unreachable:
    """A target rate that the codec cannot give for this picture; a fact, not a failure."""

    job: Job
    limit_setting: float
    limit_bpp: float
    tries: int
    reason: str

    @property
    def place(self) -> tuple[str, str, float]:
        """(codec, picture, target bpp)"""
        return self.job.codec, self.job.picture.name, self.job.target_bpp


@dataclass(frozen=True)
class Absent:
    """A point that nobody has made or published; of a codec that is not run here. A gap, not a failure."""

    codec: str
    picture: str
    target_bpp: float
    reason: str

    @property
    def place(self) -> tuple[str, str, float]:
        """(codec, picture, target bpp)"""
        return self.codec, self.picture, self.target_bpp


@dataclass(frozen=True)
class Unsupported:
    """A picture that the codec cannot code at any rate, because of what it is; a fact, not a failure. It stands for all target rates."""

    codec: str
    picture: str
    reason: str

    @property
    def place(self) -> tuple[str, str, None]:
        """(codec, picture, no target)"""
        return self.codec, self.picture, None


@dataclass(frozen=True)
class Failed:
    """A failure, stored as data. Fields that did not exist yet are empty or None."""

    picture: str
    codec: str
    target_bpp: float | None
    stage: str
    """"read", "encode", "decode", "score", "rate" or "worker"."""
    error: str
    command: str = ""
    log_tail: str = ""

    @property
    def place(self) -> tuple[str, str, float | None]:
        """(codec, picture, target bpp)"""
        return self.codec, self.picture, self.target_bpp


@dataclass(frozen=True)
class BdRate:
    """A Bjontegaard delta rate. `picture` is "ALL" for the mean over pictures, `metric` "AVG" for the mean of the seven."""

    codec: str
    anchor: str
    metric: str
    picture: str
    value_percent: float | None
    overlap: float | None
    """Common quality interval over the union of both curves' intervals, 0 to 1; for ALL the smallest of the pictures."""
    reason: str = ""
    low_percent: float | None = None
    """95 % bootstrap interval over pictures; ALL rows only."""
    high_percent: float | None = None
    pictures: int = 1
    """Pictures that entered the value; for a single picture 1, or 0 where it is N/A."""
    pictures_missing: int = 0
    """Pictures of the set that are N/A; ALL rows only."""


@dataclass(frozen=True)
class Finding:
    """What a check has to say. Severity is "error" (the table is not valid), "warning" or "note"."""

    check: str
    severity: str
    codec: str
    picture: str
    target_bpp: float | None
    message: str


@dataclass(frozen=True)
class Machine:
    """Where the campaign ran."""

    identity: str
    """Short hash of what lasts: host name, processor, number of processors; the owner of its timings."""
    hostname: str
    processor: str
    cores: int
    memory_bytes: int
    system: str
    python: str


@dataclass(frozen=True)
class Counts:
    """What the run really did, and what it took from the store."""

    encodes_run: int = 0
    encodes_reused: int = 0
    decodes_run: int = 0
    decodes_reused: int = 0
    scores_run: int = 0
    scores_reused: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(getattr(self, name) + getattr(other, name) for name in self.__dataclass_fields__))


@dataclass(frozen=True)
class SetState:
    """How the pictures of a campaign stand to the set whose name it bears."""

    whole: int
    """Pictures of the set."""
    used: int
    """Those of them that the campaign was made of."""
    left_out: tuple[tuple[str, str], ...]
    """(picture, why) of those that were asked for but are missing or not as they should be."""
    verified: str
    """What they were compared with, in words."""
    digest: str
    """Of names and samples of the pictures used, see `sets.listing.set_digest`; equal in two laboratories that used the same."""
    remarks: tuple[str, ...] = ()
    """What else is to be known of the folder, e.g. pictures that the list does not name."""

    @property
    def partial(self) -> bool:
        return self.used < self.whole

    @property
    def share(self) -> str:
        """ "partial set: 2 of 50 pictures"; empty for a whole set."""
        return f"partial set: {self.used} of {self.whole} pictures" if self.partial else ""


@dataclass(frozen=True)
class CodecDevice:
    """A way to compute a codec: a processor, a number of threads, another engine."""

    name: str
    about: str
    encodes: bool = True
    """Whether it encodes too; all decode."""
    missing: str = ""
    """Why this machine does not have it, or empty."""
    broken: bool = False
    """Wrong on purpose, to see that it is noticed: used only where it is asked for by name."""
    slow: bool = False
    """Takes minutes before it codes anything: likewise used only by name."""


@dataclass(frozen=True)
class TensorDifference:
    """The first tensor behind the symbols in which a decoder differs from the encoder of its bitstream."""

    tensor: str
    detail: str
    """How many of its values differ, and where the first of them lies; or that it is missing or of another shape."""


@dataclass(frozen=True)
class InteropStream:
    """A bitstream that a device made."""

    encoder: str
    picture: str
    target_bpp: float
    setting: float
    bpp: float
    repeated: bool
    """Whether its bytes are those of the first device's; of the first device whether it gives them twice."""


@dataclass(frozen=True)
class InteropPoint:
    """A bitstream of one device, decoded on another, beside the same decoded on the first."""

    encoder: str
    decoder: str
    picture: str
    target_bpp: float
    integers: TensorDifference | None
    """None where all are those of the encoder, or none are traced."""
    largest_difference: int | None
    """Between samples at the source's bit depth, 0 where the pictures are identical; None where one of the two is not there."""
    differing_share: float | None
    """Of the samples, 0 to 1."""
    changes: tuple[tuple[str, float | None], ...]
    """(metric, value here less that on the encoder's device); None where one of them is not defined."""
    error: str = ""
    """Why there is no picture, or empty."""


@dataclass(frozen=True)
class InteropMismatch:
    """BD-rate of what a device decodes against what the encoder's device decodes of the same bitstreams: 0 where there is no difference."""

    encoder: str
    decoder: str
    metric: str
    picture: str
    value_percent: float | None
    reason: str = ""


@dataclass(frozen=True)
class Interop:
    """Bitstreams of a codec, made on each device of a machine and decoded on each."""

    codec: str
    version: str
    machine: str
    """Identity of the machine."""
    traced: bool
    """Whether the codec shows the integers behind its bitstreams."""
    devices: tuple[CodecDevice, ...]
    metrics: tuple[str, ...]
    streams: tuple[InteropStream, ...]
    points: tuple[InteropPoint, ...]
    mismatches: tuple[InteropMismatch, ...]
    failed: tuple[tuple[str, str], ...]
    """(device, why it encoded nothing, or not all)"""
    unreachable: tuple[str, ...] = ()
    """Target rates that are not in it, and why."""


NO_OFFICIAL_VALUES = "no official values are at hand"


@dataclass(frozen=True)
class Parity:
    """How near a metric comes to the official values of the golden pairs."""

    metric: str
    pairs: int
    """Pairs with an official value for which the metric could be asked."""
    missed: int
    """Those of them where it is further off than the tolerance, undefined, not a number, or failed."""
    largest_difference: float | None
    """Over the pairs where it has a value; None where there is none."""
    tolerance: float | None
    """Of that pair; None where no official value is at hand."""
    reason: str = ""

    @property
    def holds(self) -> bool:
        """Whether every pair is within its tolerance, and there was one."""
        return self.pairs > 0 and self.missed == 0


@dataclass(frozen=True)
class Campaign:
    """Everything that a report may show."""

    dataset: str
    command: str
    codecs: tuple[CodecInfo, ...]
    metrics: tuple[MetricInfo, ...]
    pictures: tuple[Picture, ...]
    target_bpps: tuple[float, ...]
    rate_tolerance: float
    internal_bits: int
    """Grid on which the metrics saw samples."""
    metric_device: str
    """"cpu", or "cuda" for the metrics that have a path there."""
    anchor: str
    anchor_note: str
    """Why this anchor, where it is not the one of the common test conditions; else empty."""
    scored: tuple[Scored, ...]
    unreachable: tuple[Unreachable, ...]
    failed: tuple[Failed, ...]
    machine: Machine
    versions: tuple[tuple[str, str], ...]
    """(package, version) of what computes, sorted."""
    counts: Counts
    started: str
    """ISO 8601, UTC."""
    wall_s: float
    findings: tuple[Finding, ...] = ()
    bd: tuple[BdRate, ...] = ()
    parity: tuple[Parity, ...] = ()
    """One for each metric."""
    complexity: tuple[Complexity, ...] = ()
    """One for each learned codec and picture."""
    set_state: SetState | None = None
    """None where nothing says what the whole set is: a folder without a lock file."""
    absent: tuple[Absent, ...] = ()
    """Gaps of the codecs that were not run here."""
    unsupported: tuple[Unsupported, ...] = ()
    """Pictures that codecs which were run here cannot code."""
    interop: tuple[Interop, ...] = ()
    """Of the codecs that `ctc interop` was run with on this machine, as they are here."""

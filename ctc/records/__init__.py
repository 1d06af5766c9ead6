"""The nouns of a campaign: frozen records, one per thing that a stage hands to the next.

    Picture -> Job -> Coded -> Scored -> Campaign        (Unsupported, Unreachable and Failed leave from any stage)

This package imports nothing else of ours. Units are in the field names: `_s` seconds, `_bytes` bytes, `_bpp` and `bpp`
bits per pixel of the source picture, `_percent` per cent. A missing value is `None` and comes with a reason;
infinity stays infinity.
"""

from ctc.records.campaign import BdRate, Campaign, Counts, Finding, Machine
from ctc.records.codecs import CodecInfo, DecoderModel, Knob, PixelFormat
from ctc.records.complexity import COUNTING_RULES, Complexity, CountedCodec, CountingRule, ModelSizes, PartMacs, PictureMacs
from ctc.records.conditions import ALL, AVG, AVG_METRICS, BD_TARGET_BPPS, CTC_ANCHOR, METRIC_ORDER, STAND_IN_ANCHOR, TARGET_BPPS
from ctc.records.identity import digest
from ctc.records.interop import CodecDevice, Interop, InteropMismatch, InteropPoint, InteropStream, TensorDifference
from ctc.records.metrics import NO_OFFICIAL_VALUES, MetricInfo, Parity
from ctc.records.pictures import NOTHING_SAID, Light, Picture, SetState, Transfer
from ctc.records.points import Absent, Coded, Cost, Failed, Job, Score, Scored, Unreachable, Unsupported
from ctc.records.published import PublishedRow, PublishedTable
from ctc.records.timing import DeviceMemory, StageTime, Timing, TimingFailure, TimingSample
from ctc.records.validity import CONDITIONS, Condition, ConditionState, Fault, PointValidity

__all__ = [
    "ALL",
    "AVG",
    "AVG_METRICS",
    "BD_TARGET_BPPS",
    "CONDITIONS",
    "COUNTING_RULES",
    "CTC_ANCHOR",
    "METRIC_ORDER",
    "NOTHING_SAID",
    "NO_OFFICIAL_VALUES",
    "STAND_IN_ANCHOR",
    "TARGET_BPPS",
    "Absent",
    "BdRate",
    "Campaign",
    "CodecDevice",
    "CodecInfo",
    "Coded",
    "Complexity",
    "Condition",
    "ConditionState",
    "Cost",
    "CountedCodec",
    "CountingRule",
    "Counts",
    "DecoderModel",
    "DeviceMemory",
    "Failed",
    "Fault",
    "Finding",
    "Interop",
    "InteropMismatch",
    "InteropPoint",
    "InteropStream",
    "Job",
    "Knob",
    "Light",
    "Machine",
    "MetricInfo",
    "ModelSizes",
    "Parity",
    "PartMacs",
    "Picture",
    "PictureMacs",
    "PixelFormat",
    "PointValidity",
    "PublishedRow",
    "PublishedTable",
    "Score",
    "Scored",
    "SetState",
    "StageTime",
    "TensorDifference",
    "Timing",
    "TimingFailure",
    "TimingSample",
    "Transfer",
    "Unreachable",
    "Unsupported",
    "digest",
]

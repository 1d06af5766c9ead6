"""VVC intra by VTM, the reference encoder: 10 bits, 4:4:4, its intra configuration. The anchor of the common test conditions.

With VTM 11.1 and the integer colour conversion of `pixels` (ANCHOR) the bitstreams have exactly the published numbers of bytes. A later
version is another encoder, and named so. `CTC_VTM` names the folder of a built VTM, or its encoder; without it `EncoderApp` is looked for
on PATH. The decoder must lie beside the encoder. `encoder_intra_vtm.cfg` is taken from the same tree, or from `CTC_VTM_CONFIG`.
"""

from __future__ import annotations

from ctc.anchors._jvt import PROBE, JvtCodec, Software
from ctc.anchors._programs import Program
from ctc.records import Knob

VTM = Software(
    encoder=Program(
        title="VTM",
        variable="CTC_VTM",
        file_names=("EncoderAppStatic", "EncoderApp"),
        banner=r"VTM Encoder Version (\S+)",
        probe=PROBE,
        remedy="build VTM 11.1 (git tag VTM-11.1 of VVCSoftware_VTM, Fraunhofer HHI) and set CTC_VTM to its folder",
    ),
    decoders=("DecoderAppStatic", "DecoderApp"),
    oldest=(11, 1),
    configuration="encoder_intra_vtm.cfg",
    configuration_variable="CTC_VTM_CONFIG",
    options=("--TemporalSubsampleRatio=1",),
)

# Geometric mean over thirteen photographs, none of them in a set that is measured, of libx265 at the same QP, which needs 15 % more.
START = (
    (0.0036, 63), (0.0075, 60), (0.0145, 57), (0.0205, 54), (0.0287, 51), (0.0462, 48), (0.0737, 45), (0.1154, 42), (0.1745, 39),
    (0.259, 36), (0.3746, 33), (0.5342, 30), (0.7579, 27), (1.0537, 24), (1.3976, 21), (1.7749, 18), (2.2018, 15), (2.6359, 12),
)  # fmt: skip

CODECS = (
    JvtCodec(
        name="vvc-vtm",
        citation="ITU-T H.266 | ISO/IEC 23090-3; VTM",
        note="",
        knob=Knob("QP", 0, 63, integer=True, rate_rises=False, start=START),
        seconds_per_megapixel=120.0,
        software=VTM,
    ),
)

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

# The table of `hevc-hm` times what VTM needs at the same QP, 0.89 to 0.90 between QP 22 and QP 42 on one photograph; beyond QP 51 as the
# rate falls from QP 45 to QP 48 on another.
START = (
    (0.0035, 63), (0.006, 60), (0.0105, 57), (0.0185, 54), (0.0333, 51), (0.0531, 48), (0.0837, 45), (0.1291, 42), (0.1918, 39),
    (0.2794, 36), (0.3971, 33), (0.5603, 30), (0.7881, 27), (1.086, 24), (1.4265, 21), (1.8116, 18), (2.2474, 15), (2.6905, 12),
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

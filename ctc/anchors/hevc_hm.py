"""HEVC intra by HM, the reference encoder, with the range extensions: 10 bits, 4:4:4, its configuration `encoder_intra_main_rext.cfg`.

It is not what the common test conditions call HEVC: that is `hevc-scm`. `CTC_HM` names the folder of a built HM, or its encoder; without it
`TAppEncoder` is looked for on PATH. The decoder must lie beside the encoder. The configuration is taken from the same tree, or from
`CTC_HM_CONFIG`.
"""

from __future__ import annotations

from ctc.anchors._jvt import PQ_IN_HEVC, PROBE, JvtCodec, Software
from ctc.anchors._programs import Program
from ctc.records import Knob

HM = Software(
    encoder=Program(
        title="HM",
        variable="CTC_HM",
        file_names=("TAppEncoderStatic", "TAppEncoder"),
        # The screen content branch answers with the same words, and "_SCM8.8" behind the number.
        banner=r"HM software: Encoder Version \[([\d.]+)\]",
        probe=PROBE,
        remedy="build HM 16.20 (git tag HM-16.20, Fraunhofer HHI) and set CTC_HM to its folder",
    ),
    decoders=("TAppDecoderStatic", "TAppDecoder"),
    oldest=(16, 20),
    configuration="encoder_intra_main_rext.cfg",
    configuration_variable="CTC_HM_CONFIG",
    options_of_pq=PQ_IN_HEVC,
)

# The table of libx265 (thirteen photographs, none of them in a set that is measured) times what HM needs at the same QP:
# 1.01 at QP 24 to 1.11 at QP 50, the geometric mean over four of them.
START = (
    (0.0365, 51), (0.0584, 48), (0.0924, 45), (0.143, 42), (0.2135, 39), (0.3127, 36), (0.4469, 33), (0.6316, 30), (0.888, 27),
    (1.2232, 24), (1.6064, 21), (2.0401, 18), (2.5308, 15), (3.0298, 12),
)  # fmt: skip

CODECS = (
    JvtCodec(
        name="hevc-hm",
        citation="ITU-T H.265 | ISO/IEC 23008-2; HM",
        note="main-RExt; the HEVC anchor of the common test conditions is hevc-scm",
        knob=Knob("QP", 0, 51, integer=True, rate_rises=False, start=START),
        seconds_per_megapixel=6.0,
        software=HM,
    ),
)

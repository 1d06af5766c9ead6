"""HEVC intra by HM with the screen content tools (HM-16.20+SCM-8.8): what the common test conditions mean by HEVC.

The published configuration is `encoder_intra_main_scc_10.cfg` of the JPEG AI call for proposals. It is `encoder_intra_main_scc.cfg` of the
sources with 10 bits inside and chroma QP offsets of +6, which make it 11 to 27 % better in luma than plain HM and 4 to 13 % worse in RGB.
Two traps of it:

* as published it is refused by SCM 8.8 ("NonHashSearchWidth should be <= SearchWidth"): both widths are set again behind it;
* its streams use palettes, adaptive colour transform and intra block copy, which decoders of plain HEVC, ffmpeg among them, refuse.

Where the published file is not there, `encoder_intra_main_scc.cfg` of the sources does: what it lacks is set behind it, and what the
published file has already is the same again. `CTC_SCM` names the folder of a built SCM, or its encoder; without it `TAppEncoder` is looked
for on PATH. The decoder must lie beside the encoder. `CTC_SCM_CONFIG` names another configuration.
"""

from __future__ import annotations

from ctc.anchors._jvt import PQ_IN_HEVC, PROBE, JvtCodec, Software
from ctc.anchors._programs import Program
from ctc.records import Knob

AS_PUBLISHED = ("--InternalBitDepth=10", "--CbQpOffset=6", "--CrQpOffset=6")
ACCEPTED_WIDTHS = ("--IntraBlockCopySearchWidthInCTUs=3", "--IntraBlockCopyNonHashSearchWidthInCTUs=1")

SCM = Software(
    encoder=Program(
        title="HM+SCM",
        variable="CTC_SCM",
        file_names=("TAppEncoderStatic", "TAppEncoder", "TAppEncoderSCM"),
        banner=r"HM software: Encoder Version \[([\d.]+_SCM[\d.]+)\]",
        probe=PROBE,
        remedy="build HM 16.20+SCM 8.8 (git tag HM-16.20+SCM-8.8, Fraunhofer HHI) and set CTC_SCM to its folder",
    ),
    decoders=("TAppDecoderStatic", "TAppDecoder", "TAppDecoderSCM"),
    oldest=(16, 20, 8, 8),
    configuration="encoder_intra_main_scc.cfg",
    configuration_variable="CTC_SCM_CONFIG",
    options=(*AS_PUBLISHED, *ACCEPTED_WIDTHS),
    options_of_pq=PQ_IN_HEVC,
)

# The table of `hevc-hm` times what this one needs at the same QP: 0.85 at QP 22, 0.90 at QP 32, 0.92 at QP 42 on one photograph.
START = (
    (0.0343, 51), (0.0546, 48), (0.0859, 45), (0.1322, 42), (0.1958, 39), (0.2844, 36), (0.4033, 33), (0.5625, 30), (0.7783, 27),
    (1.0549, 24), (1.3703, 21), (1.7402, 18), (2.1588, 15), (2.5844, 12),
)  # fmt: skip

CODECS = (
    JvtCodec(
        name="hevc-scm",
        citation="ITU-T H.265 | ISO/IEC 23008-2; HM+SCM",
        note="chroma QP +6: better in luma than plain HEVC, worse in RGB",
        knob=Knob("QP", 0, 51, integer=True, rate_rises=False, start=START),
        seconds_per_megapixel=15.0,
        software=SCM,
    ),
)

"""Colour difference for HDR and wide gamut: mean of the Delta E ITP of ITU-R BT.2124 over the picture.

1 is meant to be just visible where the eye is adapted best. Other tools print a PSNR made of it, or the mean of another part of the
picture; this is the plain mean over all samples.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ctc.light import light_to_pq
from ctc.metrics._light import bands, light
from ctc.metrics._planes import checked
from ctc.protocols import Codes, Metric, each_alone
from ctc.records import MetricInfo

RGB_TO_LMS = np.array([[1688, 2146, 262], [683, 2951, 462], [99, 309, 3688]]) / 4096
"""Linear BT.2020 to linear cone responses, ITU-R BT.2100 table 7."""
LMS_TO_ITP = np.array([[2048, 2048, 0], [6610 / 2, -13613 / 2, 7003 / 2], [17933, -17390, -543]]) / 4096
"""PQ cone responses to I, T = C_T / 2 and P = C_P."""
SCALE = 720


def delta_e_itp(reference: Codes, distorted: Codes, peak: int) -> float:
    """Mean Delta E ITP of R, G and B codes (3, height, width) of PQ; 0 for equal pictures.

    Raises ValueError where the shapes differ or a code is above `peak`.
    """
    checked(reference, distorted, peak, planes=3)
    total = 0.0
    for rows in bands(reference):
        difference = _itp(reference[:, rows], peak) - _itp(distorted[:, rows], peak)
        total += float(np.sqrt((difference**2).sum(axis=0)).sum())
    return SCALE * total / (reference.size / 3)


def _itp(codes: Codes, peak: int) -> NDArray[np.float64]:
    responses = light_to_pq(np.tensordot(RGB_TO_LMS, light(codes, peak), axes=1))
    return np.asarray(np.tensordot(LMS_TO_ITP, responses, axes=1))


METRICS: tuple[Metric, ...] = (
    Metric(
        MetricInfo(
            name="delta_e_itp",
            label="ΔE ITP",
            version="1",
            higher_is_better=False,
            range="0 to infinity",
            unit="",
            reference="ITU-R BT.2124-0",
            equals="colour-science 0.4.7, mean of delta_E_ITP",
            transfer="pq",
        ),
        "rgb",
        each_alone(delta_e_itp),
    ),
)

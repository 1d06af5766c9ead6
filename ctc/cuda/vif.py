"""VIFp by piq in float32.

Over twelve golden pairs it is 9.4e-6 from the official values, over flat skies and on screens up to 6e-4: it rounds its window otherwise.
"""

from __future__ import annotations

from ctc.cuda.device import exact, samples
from ctc.errors import MetricUndefined
from ctc.metrics._planes import checked, defined, zero_padded
from ctc.metrics.vif import MINIMUM_SIDE
from ctc.protocols import Codes, Scorer

LABEL = "VIF"


def vif(reference: Codes, peak: int, device: str) -> Scorer:
    """Scorer of luma planes (height, width); values, padding and errors as `ctc.metrics.vif.vif`.

    Raises OutOfDeviceMemory as well: the device must hold about 120 bytes per pixel.
    """
    checked(reference, reference, peak)
    padded = zero_padded(reference, MINIMUM_SIDE)
    if padded.min() == padded.max():
        raise MetricUndefined("VIF: the reference is flat and carries no information, the ratio is 0/0")
    with exact(LABEL, reference):
        y = samples(padded, device)[None, None] / peak

    def score(distorted: Codes) -> float:
        from piq import vif_p

        checked(reference, distorted, peak)
        with exact(LABEL, reference):
            value = float(vif_p(samples(zero_padded(distorted, MINIMUM_SIDE), device)[None, None] / peak, y, data_range=1.0))
        return defined(value, "VIF is not a number")

    return score

"""FSIMc by piq in float32: 5.4e-6 from the official values over twelve golden pairs, up to 7e-5 where much of a picture is flat."""

from __future__ import annotations

from ctc.cuda.device import exact, samples
from ctc.errors import MetricUndefined
from ctc.metrics._planes import checked, defined
from ctc.metrics.fsim import MINIMUM_SIDE
from ctc.protocols import Codes, Scorer

LABEL = "FSIM"


def fsim(reference: Codes, peak: int, device: str) -> Scorer:
    """Scorer of RGB pictures (3, height, width); values and errors as `ctc.metrics.fsim.fsim`.

    Raises OutOfDeviceMemory as well: the device must hold about 45 bytes per pixel.
    """
    checked(reference, reference, peak, planes=3)
    _, height, width = reference.shape
    if min(height, width) < MINIMUM_SIDE:
        raise MetricUndefined(f"FSIM: {width}x{height} is too small, phase congruency needs {MINIMUM_SIDE} samples on each side")
    flat = _flat(reference)
    with exact(LABEL, reference):
        y = samples(reference, device)[None] / peak

    def score(distorted: Codes) -> float:
        from piq import fsim as piq_fsim

        checked(reference, distorted, peak, planes=3)
        if flat and _flat(distorted):
            raise MetricUndefined("FSIM: both pictures are flat and have no phase congruency, the ratio is 0/0")
        with exact(LABEL, reference):
            value = float(piq_fsim(samples(distorted, device)[None] / peak, y, data_range=1.0, chromatic=True))
        return defined(value, "FSIM is not a number")

    return score


def _flat(picture: Codes) -> bool:
    return bool((picture == picture[:, :1, :1]).all())

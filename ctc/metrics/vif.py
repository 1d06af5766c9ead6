"""VIF in the pixel domain (VIFp) of the luma, in float64.

The JPEG AI quality framework computes the same formula in float32, as piq's vif_p does, and the cancellation in its variances is
part of the official digits: over twelve golden pairs they are up to 5e-5 from the values here, which are those of
Sheikh's vifp_mscale.m (1e-8 apart: other safeguards) and of piq in float64 (1e-8). Over pictures that are flat in large
parts float32 itself is up to 1e-3 wrong. Not the wavelet VIF, and not libvmaf's.
"""

from __future__ import annotations

from ctc.errors import MetricUndefined
from ctc.metrics._planes import checked, defined, gaussian, zero_padded
from ctc.protocols import Codes, Metric
from ctc.records import MetricInfo

WINDOWS = tuple(gaussian(taps, taps / 5) for taps in (17, 9, 5, 3))
"""One scale each, finest first; all but the first also filter the samples before every second is kept."""

MINIMUM_SIDE = 64
"""Smaller pictures are extended by zeros to it."""


def vif(reference: Codes, distorted: Codes, peak: int) -> float:
    """VIFp of two luma planes (height, width): 0 to 1, above 1 where the distorted picture has more contrast.

    Sheikh, Bovik, "Image information and visual quality", IEEE TIP 15(2), 2006. Not symmetric. Sides under 64 are zero-padded
    to 64. Raises ValueError where the shapes differ, MetricUndefined where the reference is flat: it carries no information.
    """
    checked(reference, distorted, peak)
    padded = zero_padded(reference, MINIMUM_SIDE)
    if padded.min() == padded.max():
        raise MetricUndefined("VIF: the reference is flat and carries no information, the ratio is 0/0")
    from ctc.kernels.strips import Rows, Samples
    from ctc.kernels.vif import halved, information

    factor = 255.0 / peak
    x: Rows = Samples(padded, factor)
    y: Rows = Samples(zero_padded(distorted, MINIMUM_SIDE), factor)
    seen, held = information(x, y, WINDOWS[0])
    for window in WINDOWS[1:]:
        x, y = halved(x, window), halved(y, window)
        more_seen, more_held = information(x, y, window)
        seen, held = seen + more_seen, held + more_held
    return defined(float(seen / held), "VIF is not a number")


METRICS: tuple[Metric, ...] = (
    Metric(
        MetricInfo(
            name="vif",
            label="VIF",
            version="2",
            higher_is_better=True,
            range="0 to 1, above 1 for enhanced contrast",
            unit="",
            reference="Sheikh, Bovik, IEEE TIP 15(2), 2006; pixel domain, values of vifp_mscale.m",
        ),
        "y",
        vif,
    ),
)

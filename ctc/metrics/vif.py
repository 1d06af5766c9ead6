"""VIF in the pixel domain (VIFp) of the luma, by piq in float32.

piq's float32 numbers are the official ones: the JPEG AI quality framework computes in float32 too, and the cancellation in its
variances is part of the digits. Largest difference measured over twelve golden pairs: 9.4e-6. In float64, as in Sheikh's
vifp_mscale.m, it is 6e-5 on photographs and more over flat areas. Not the wavelet VIF, and not libvmaf's.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from ctc.cuda import OnCuda
from ctc.errors import MetricUndefined
from ctc.metrics._planes import checked, defined, installed, one_torch_thread, zero_padded
from ctc.protocols import Codes, Metric, each_alone
from ctc.records import MetricInfo

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
    with one_torch_thread():
        import torch
        from piq import vif_p

        def unit(codes: Codes) -> torch.Tensor:
            return torch.from_numpy(codes.astype(np.float32) / np.float32(peak))[None, None]

        value = float(vif_p(unit(zero_padded(distorted, MINIMUM_SIDE)), unit(padded), data_range=1.0))
    return defined(value, "VIF is not a number")


METRICS: tuple[Metric, ...] = (
    Metric(
        MetricInfo(
            name="vif",
            label="VIF",
            version="1",
            higher_is_better=True,
            range="0 to 1, above 1 for enhanced contrast",
            unit="",
            reference="Sheikh, Bovik, IEEE TIP 15(2), 2006; pixel domain, values of piq.vif_p in float32",
        ),
        "y",
        each_alone(vif),
        partial(installed, "piq", "torch"),
        on_cuda=OnCuda("vif", "1", ("piq",)),
    ),
)

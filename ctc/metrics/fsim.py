"""FSIMc, the chromatic FSIM, of RGB by piq in float32.

piq's numbers are the official ones: the JPEG AI quality framework's own FSIM differs by 5.4e-6 at most over twelve golden
pairs. The authors' FeatureSIM.m is up to 7e-3 away: it decimates by a centred box filter, keeps an odd last row and rounds 2.5 up.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from ctc.cuda import OnCuda
from ctc.errors import MetricUndefined
from ctc.metrics._planes import checked, defined, installed, one_torch_thread
from ctc.protocols import Codes, Metric, each_alone
from ctc.records import MetricInfo

MINIMUM_SIDE = 2
"""A line of samples has no frequencies across it: the filters of the phase congruency do not exist."""


def fsim(reference: Codes, distorted: Codes, peak: int) -> float:
    """FSIMc of two RGB pictures (3, height, width), 0 to 1, 1 for equal pictures; luma and chroma by the YIQ matrix.

    Zhang, Zhang, Mou, Zhang, "FSIM: a feature similarity index for image quality assessment", IEEE TIP 20(8), 2011. No padding.
    Raises ValueError where the shapes differ, MetricUndefined for a side of one sample and where both
    pictures are flat.
    """
    checked(reference, distorted, peak, planes=3)
    _, height, width = reference.shape
    if min(height, width) < MINIMUM_SIDE:
        raise MetricUndefined(f"FSIM: {width}x{height} is too small, phase congruency needs {MINIMUM_SIDE} samples on each side")
    if _flat(reference) and _flat(distorted):
        raise MetricUndefined("FSIM: both pictures are flat and have no phase congruency, the ratio is 0/0")
    with one_torch_thread():
        import torch
        from piq import fsim as piq_fsim

        def unit(codes: Codes) -> torch.Tensor:
            return torch.from_numpy(codes.astype(np.float32) / np.float32(peak))[None]

        value = float(piq_fsim(unit(distorted), unit(reference), data_range=1.0, chromatic=True))
    return defined(value, "FSIM is not a number")


def _flat(picture: Codes) -> bool:
    return bool((picture == picture[:, :1, :1]).all())


METRICS: tuple[Metric, ...] = (
    Metric(
        MetricInfo(
            name="fsim",
            label="FSIM",
            version="1",
            higher_is_better=True,
            range="0 to 1",
            unit="",
            reference="Zhang, Zhang, Mou, Zhang, IEEE TIP 20(8), 2011; chromatic, values of piq.fsim in float32",
        ),
        "rgb",
        each_alone(fsim),
        partial(installed, "piq", "torch"),
        on_cuda=OnCuda("fsim", "1", ("piq",)),
    ),
)

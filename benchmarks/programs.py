"""The programs that compute each metric: ours, what the JPEG AI quality framework uses ("official"), and other public ones.

Importing this module imports none of them. pyiqa is under a non-commercial licence and is run only where the user has installed it;
its `vif` is the wavelet VIF, another metric than ours, and therefore not here.
"""

from __future__ import annotations

import importlib.util
import io
import site
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np

from ctc.protocols import Codes

PEAK = 1023
"""Of the 10 bits on which the JPEG AI quality framework computes metrics."""


@dataclass(frozen=True)
class Setup:
    """What a program may need to know before it runs."""

    threads: int
    packages: str = ""
    """A folder with further Python packages, or empty."""
    iw_ssim: str = ""
    """The file IW_SSIM_PyTorch.py of Jack-guo-xy/Python-IW-SSIM, or empty."""


@dataclass(frozen=True)
class Ready:
    """A program, imported. `picture` makes of codes what the program takes, and is not timed."""

    picture: Callable[[Codes], Any]
    score: Callable[[Any, Any], float]
    """(reference, distorted) -> score."""


class NotInstalled(Exception):
    """Says what is missing."""


@dataclass(frozen=True)
class Program:
    label: str
    load: Callable[[Setup], Ready]
    """Raises NotInstalled."""
    official: bool = False


@dataclass(frozen=True)
class Compared:
    """A metric and its programs, ours first."""

    label: str
    wants: Literal["y", "yuv", "rgb"]
    names: tuple[str, ...]
    """Our metrics that are computed in one go."""
    others: tuple[Program, ...]
    one_of_six: bool = True
    """Counts in the sums over the six metrics that the targets are about."""

    @property
    def programs(self) -> tuple[Program, ...]:
        return Program("ours", partial(_ours, self.names)), *self.others


def _ours(names: tuple[str, ...], setup: Setup) -> Ready:
    from ctc import plugins
    from ctc.kernels.strips import threads
    from ctc.together import Prepared

    metrics = [plugins.metrics()[name] for name in names]

    def score(reference: Codes, distorted: Codes) -> float:
        with threads(setup.threads):
            return Prepared(metrics, reference, PEAK, "cpu").values(distorted)[names[0]]

    return Ready(np.copy, score)


def _found(module: str, setup: Setup, installed_as: str = "") -> Any:
    """The module. Raises NotInstalled."""
    if setup.packages:
        site.addsitedir(setup.packages)
    try:
        # psnr_hvsm talks while it is imported.
        with redirect_stdout(io.StringIO()):
            return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise NotInstalled(f"{installed_as or module} is not installed ({error})") from error


def _by_torch(setup: Setup, function: Callable[[Any, Any], Any]) -> Ready:
    """function(reference, distorted) of float32 tensors (1, channels, height, width) in 0..1."""
    import torch

    torch.set_num_threads(setup.threads)

    def picture(codes: Codes) -> Any:
        return torch.from_numpy(codes.astype(np.float32) / np.float32(PEAK)).reshape(1, -1, *codes.shape[-2:])

    def score(reference: Any, distorted: Any) -> float:
        with torch.no_grad():
            return float(function(reference, distorted))

    return Ready(picture, score)


def _piq(function: str, setup: Setup) -> Ready:
    piq = _found("piq", setup)
    return _by_torch(setup, lambda x, y: getattr(piq, function)(y, x, data_range=1.0))


def _pytorch_msssim(setup: Setup) -> Ready:
    package = _found("pytorch_msssim", setup, "pytorch-msssim")
    return _by_torch(setup, lambda x, y: package.ms_ssim(x, y, data_range=1.0))


def _iqa_pytorch(name: str, channels: int, setup: Setup) -> Ready:
    model = getattr(_found("IQA_pytorch", setup), name)(channels=channels)
    return _by_torch(setup, lambda x, y: model(y, x, as_loss=False))


def _pyiqa(name: str, setup: Setup) -> Ready:
    model = _found("pyiqa", setup).create_metric(name, device="cpu")
    # It takes three planes and makes a luma of them itself, which is the luma again where the three are equal.
    return _by_torch(setup, lambda x, y: model(y.expand(-1, 3, -1, -1), x.expand(-1, 3, -1, -1)))


def _python_iw_ssim(double: bool, setup: Setup) -> Ready:
    if not setup.iw_ssim:
        raise NotInstalled("Python-IW-SSIM is on no package index: give its IW_SSIM_PyTorch.py by --iw-ssim")
    _found("pyrtools", setup)
    import torch

    spec = importlib.util.spec_from_file_location("python_iw_ssim", setup.iw_ssim)
    if spec is None or spec.loader is None:
        raise NotInstalled(f"{setup.iw_ssim} is no Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    torch.set_num_threads(setup.threads)
    # The object changes itself while it scores, so each score has its own.
    return Ready(
        lambda codes: codes.astype(np.float64) * (255 / PEAK),
        lambda x, y: float(module.IW_SSIM(use_double=double).test(x, y)),
    )


def _psnr_hvsm(backend: str, setup: Setup) -> Ready:
    both = _found("psnr_hvsm", setup, "psnr-hvsm").BACKENDS[backend]["psnr_hvs_hvsm"]

    def picture(codes: Codes) -> Any:
        return np.pad(codes / PEAK, [(0, -side % 8) for side in codes.shape], mode="edge")

    def score(reference: Any, distorted: Any) -> float:
        with np.errstate(divide="ignore", invalid="ignore"):
            return float(both(reference, distorted)[0])

    return Ready(picture, score)


METRICS: dict[str, Compared] = {
    "msssim": Compared(
        "MS-SSIM",
        "y",
        ("msssim",),
        (
            Program("pytorch-msssim", _pytorch_msssim, official=True),
            Program("piq", partial(_piq, "multi_scale_ssim")),
            Program("pyiqa", partial(_pyiqa, "ms_ssim")),
        ),
    ),
    "iwssim": Compared(
        "IW-SSIM",
        "y",
        ("iwssim",),
        (
            Program("Python-IW-SSIM (float64)", partial(_python_iw_ssim, True), official=True),
            Program("Python-IW-SSIM (float32)", partial(_python_iw_ssim, False)),
            Program("piq", partial(_piq, "information_weighted_ssim")),
        ),
    ),
    "vif": Compared(
        "VIF",
        "y",
        ("vif",),
        (Program("IQA_pytorch", partial(_iqa_pytorch, "VIFs", 1), official=True), Program("piq", partial(_piq, "vif_p"))),
    ),
    "fsim": Compared(
        "FSIM",
        "rgb",
        ("fsim",),
        (
            Program("IQA_pytorch", partial(_iqa_pytorch, "FSIM", 3), official=True),
            Program("piq", partial(_piq, "fsim")),
            Program("pyiqa", partial(_pyiqa, "fsim")),
        ),
    ),
    "nlpd": Compared(
        "NLPD",
        "y",
        ("nlpd",),
        (Program("IQA_pytorch", partial(_iqa_pytorch, "NLPD", 1), official=True), Program("pyiqa", partial(_pyiqa, "nlpd"))),
    ),
    "psnr_hvs": Compared(
        "PSNR-HVS and -M",
        "y",
        ("psnr_hvs", "psnr_hvs_m"),
        (Program("psnr-hvsm (NumPy)", partial(_psnr_hvsm, "numpy"), official=True), Program("psnr-hvsm (C++)", partial(_psnr_hvsm, "cpp"))),
    ),
    "msssim_iqa": Compared(
        "MS-SSIM (IQA)",
        "y",
        ("msssim_iqa",),
        (Program("IQA_pytorch", partial(_iqa_pytorch, "MS_SSIM", 1), official=True),),
        one_of_six=False,
    ),
    "vmaf": Compared("VMAF", "yuv", ("vmaf",), (), one_of_six=False),
}

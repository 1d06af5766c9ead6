"""What every metric on a GPU needs: the device, arithmetic without shortcuts, and an error that says what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

import numpy as np
import torch

from ctc.errors import OutOfDeviceMemory, ToolMissing
from ctc.metrics._planes import Plane
from ctc.protocols import Codes

INSTEAD = "use --metric-device cpu"


@lru_cache
def require_cuda() -> None:
    """Raises ToolMissing, with the reason that torch gives, where no GPU computes."""
    try:
        # A driver may answer and a GPU be there that this torch has no code for.
        (torch.zeros(1, device="cuda") + 1).item()
    except (RuntimeError, AssertionError) as error:
        reason = str(error).strip().splitlines()[0].split(". ")[0]
        raise ToolMissing(f"no GPU for the metrics: {reason} (torch {torch.__version__}); {INSTEAD}") from error


def version() -> str:
    """torch with its CUDA, cuDNN, and the model of the GPU."""
    return f"torch {torch.__version__}, CUDA {torch.version.cuda}, {torch.cuda.get_device_name()}"


@contextmanager
def exact(label: str, codes: Codes) -> Iterator[None]:
    """No TF32, no choice of algorithms by trial, no gradients inside; the former settings afterwards.

    Raises OutOfDeviceMemory for the metric `label` of the picture `codes` (..., height, width) where the device's memory ends.
    """
    cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
    before = cudnn.allow_tf32, matmul.allow_tf32, cudnn.deterministic, cudnn.benchmark
    cudnn.allow_tf32, matmul.allow_tf32, cudnn.deterministic, cudnn.benchmark = False, False, True, False
    try:
        with torch.inference_mode():
            yield
    except RuntimeError as error:
        # The libraries under torch report a lack of memory for their work space in words of their own.
        if not isinstance(error, torch.cuda.OutOfMemoryError) and "ALLOC_FAILED" not in str(error):
            raise
        height, width = codes.shape[-2:]
        raise OutOfDeviceMemory(f"{label}: the GPU's memory does not hold a picture of {width}x{height}; {INSTEAD}") from error
    finally:
        cudnn.allow_tf32, matmul.allow_tf32, cudnn.deterministic, cudnn.benchmark = before


def samples(codes: Codes, device: str) -> torch.Tensor:
    """The codes as float32, which holds every one of 16 bits."""
    return torch.from_numpy(codes.astype(np.float32)).to(device)


def real(array: Plane, device: str) -> torch.Tensor:
    """float64, copied."""
    return torch.tensor(array, dtype=torch.float64, device=device)

"""The metrics by torch on a GPU, one file per metric, within the tolerances on the golden photographs.

Where they are further off, their docstrings say so. Every file has one function, `name(reference, peak, device) -> scorer`, that works
on any torch device. Nothing here imports torch before it is called.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module

from ctc.protocols import Codes, Scorer


@dataclass(frozen=True)
class OnCuda:
    """The metric of the file `name` on the first GPU, a `ctc.protocols.Accelerated`."""

    name: str
    number: str
    """Rises with every change of the digits."""
    packages: tuple[str, ...] = ()
    """Distributions beside torch whose code computes."""

    def __call__(self, reference: Codes, peak: int) -> Scorer:
        """Raises ToolMissing where there is no GPU, OutOfDeviceMemory where it is too small; further as the metric on the CPU."""
        from ctc.cuda.device import require_cuda

        require_cuda()
        prepare = getattr(import_module(f"ctc.cuda.{self.name}"), self.name)
        scorer: Scorer = prepare(reference, peak, "cuda")
        return scorer

    def version(self) -> str:
        """Everything that decides the digits on the GPU. Raises ToolMissing."""
        from ctc.cuda.device import require_cuda, version
        from ctc.metrics._planes import installed

        require_cuda()
        return ", ".join([f"cuda {self.number}", version(), *map(installed, self.packages)])

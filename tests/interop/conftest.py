"""Two small photographs, and what is asked of every exchange."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ctc import datasets, plugins
from ctc.interop.candidate import Candidate
from ctc.interop.exchange import Wanted, exchange
from ctc.protocols import Codec
from ctc.records import Interop
from ctc.store import Store
from ctc.together import Setting

Exchanged = Callable[..., Interop]
RATES = (2.5, 4.0, 7.0, 10.0)


@pytest.fixture
def exchanged(pictures: Path, tmp_path: Path) -> Exchanged:
    """exchange(codec, *names of devices, rates=...) of both pictures, by PSNR of Y and U."""
    found = datasets.load(str(pictures), Store(tmp_path / "store"))

    def call(codec: Codec, *devices: str, rates: tuple[float, ...] = RATES) -> Interop:
        metrics = tuple(plugins.named_metrics(["psnr_y", "psnr_u"]))
        wanted = Wanted(found.pictures, rates, 0.10, metrics, Setting(10))
        return exchange(Candidate.of(codec, devices), wanted, lambda _what: None)

    return call

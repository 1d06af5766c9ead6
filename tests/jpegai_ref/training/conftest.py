"""A folder of photographs to train from, and a block transform of few blocks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from jpegai_ref.training.data import Pictures, load_pictures
from PIL import Image
from skimage import data


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("photographs")
    for name in ("astronaut", "chelsea", "coffee", "rocket"):
        Image.fromarray(getattr(data, name)()).save(path / f"{name}.png")
    return path


@pytest.fixture(scope="session")
def pictures(folder: Path) -> Pictures:
    return load_pictures([folder], torch.device("cpu"), 256)


@pytest.fixture(autouse=True, scope="session")
def _few_blocks() -> Iterator[None]:
    """More than a block has samples; the real number takes seconds each time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("jpegai_ref.training.block_transform.BLOCKS", 600)
        yield


@pytest.fixture
def few_metrics(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fits judge by three metrics only: VMAF is a process for each picture."""
    from jpegai_ref.training import fit_score

    monkeypatch.setattr(fit_score, "AVG_METRICS", ("msssim", "nlpd", "psnr_hvs"))

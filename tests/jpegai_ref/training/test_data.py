"""Training pictures: what is held out, and that a step always sees the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from jpegai_ref.training.data import Crops, TrainingDataError, load_pictures
from PIL import Image

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pictures")
    random = np.random.default_rng(1)
    for index in range(18):
        noise = random.integers(0, 256, (20, 22, 3), dtype=np.uint8)
        Image.fromarray(noise).resize((300 + index, 270), Image.Resampling.BICUBIC).save(path / f"p{index:02}.png")
    return path


def test_validation_pictures_are_not_trained_on(folder: Path) -> None:
    pictures = load_pictures([folder], CPU, 128)
    assert len(pictures.validation_names) == 8
    assert pictures.validation.shape == (8, 3, 256, 256)
    assert len(pictures.training) == 10
    widths = {int(name[1:3]) + 300 for name in pictures.validation_names}
    assert not widths & {picture.shape[2] for picture in pictures.training}


def test_large_pictures_are_there_at_half_size_too(folder: Path, tmp_path: Path) -> None:
    Image.open(folder / "p00.png").resize((600, 520)).save(tmp_path / "z.png")
    pictures = load_pictures([folder, tmp_path], CPU, 128)
    shapes = [tuple(picture.shape) for picture in pictures.training]
    assert (3, 520, 600) in shapes
    assert (3, 260, 300) in shapes


def test_a_step_sees_the_same_whoever_asks(folder: Path) -> None:
    pictures = load_pictures([folder], CPU, 128).training
    first, second = Crops(pictures, 7), Crops(pictures, 7)
    first.at(0, 2, 64, 64)
    assert torch.equal(first.at(5, 3, 64, 64), second.at(5, 3, 64, 64))
    assert not torch.equal(first.at(5, 3, 64, 64), first.at(6, 3, 64, 64))
    assert not torch.equal(first.at(5, 3, 64, 64), Crops(pictures, 8).at(5, 3, 64, 64))


def test_one_step_of_eight_is_cut_evenly_and_not_too_far(folder: Path) -> None:
    crops = Crops(load_pictures([folder], CPU, 128).training, 1)
    assert all(crops.at(step, 1, 128, 80).shape[-2:] == (128, 128) for step in range(7))
    cut = {tuple(crops.at(8 * index + 7, 1, 128, 80).shape[-2:]) for index in range(12)}
    assert len(cut) > 6
    assert all(80 <= side <= 128 and side % 2 == 0 for size in cut for side in size)


def test_crops_are_parts_of_pictures(folder: Path) -> None:
    pictures = load_pictures([folder], CPU, 128).training
    source = pictures[0][:, :60, :50]
    crop = Crops([source], 3).at(2, 1, 32, 32)[0]
    windows = source.unfold(1, 32, 1).unfold(2, 32, 1)
    turned = [torch.rot90(flipped, quarter, (1, 2)) for flipped in (crop, crop.flip(-1)) for quarter in range(4)]
    assert any(bool((windows == one[:, None, None]).all(-1).all(-1).all(0).any()) for one in turned)


def test_unusable_folders_are_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingDataError, match="too few pictures of 128"):
        load_pictures([tmp_path], CPU, 128)
    with pytest.raises(TrainingDataError, match="too few pictures of 400"):
        load_pictures([folder], CPU, 400)
    (tmp_path / "broken.png").write_bytes(b"no picture")
    with pytest.raises(TrainingDataError, match=r"broken\.png is no picture"):
        load_pictures([tmp_path], CPU, 128)

"""Training pictures: decoded once to bytes, kept on the device, cropped there.

What a step sees is a function of the seed and of the step's number alone, so that a resumed training sees what an unbroken one would.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff")
HALVES_FROM = 512
"""Pictures whose short side is at least this are also there at half size: fewer traces of earlier compression, other statistics."""
VALIDATION_PICTURES = 8
VALIDATION_SIDE = 256
ODD_SIZE_EVERY = 8
"""One step in so many has its crops cut by a random even number of rows and columns, which teaches sizes that 64 does not divide."""
LARGEST_CUT = 62


class TrainingDataError(Exception):
    """A folder that cannot be trained from; one line."""


@dataclass(frozen=True)
class Pictures:
    """uint8 RGB, each (3, H, W), all on one device; `validation` (N, 3, 256, 256) is from pictures that are not in `training`."""

    training: tuple[Tensor, ...]
    validation: Tensor
    validation_names: tuple[str, ...]


def decoded(path: Path) -> Image.Image:
    """8-bit RGB. Raises TrainingDataError where it is no picture."""
    try:
        with Image.open(path) as image:
            return image.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise TrainingDataError(f"{path.name} is no picture: {error}") from error


def _bytes(image: Image.Image) -> Tensor:
    return torch.from_numpy(np.array(image)).permute(2, 0, 1).contiguous()


def load_pictures(folders: Sequence[Path], device: torch.device, smallest_side: int) -> Pictures:
    """Decodes all pictures below the folders. Each n-th, in the order of names, is held out for validation (its centre, 256x256).

    Raises TrainingDataError where a folder is not there, or holds too few pictures of at least `smallest_side` samples on the short side.
    """
    for folder in folders:
        if not folder.is_dir():
            raise TrainingDataError(f"{folder} is no folder of pictures")
    paths = sorted(
        (path for folder in folders for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES), key=lambda path: path.name
    )
    stride = max(len(paths) // VALIDATION_PICTURES, 2)
    held_out = [path for index, path in enumerate(paths) if index % stride == stride // 2][:VALIDATION_PICTURES]
    training: list[Tensor] = []
    for path in (path for path in paths if path not in held_out):
        image = decoded(path)
        training.append(_bytes(image))
        if min(image.size) >= max(HALVES_FROM, 2 * smallest_side):
            training.append(_bytes(image.reduce(2)))
    training = [picture.to(device) for picture in training if min(picture.shape[1:]) >= smallest_side]
    centres = [_centre(_bytes(decoded(path))) for path in held_out]
    if not training or not centres:
        raise TrainingDataError(f"too few pictures of {smallest_side} samples and more in {', '.join(map(str, folders)) or 'no folder'}")
    return Pictures(tuple(training), torch.stack(centres).to(device), tuple(path.name for path in held_out))


def _centre(picture: Tensor) -> Tensor:
    top, left = ((size - VALIDATION_SIDE) // 2 for size in picture.shape[1:])
    if top < 0 or left < 0:
        raise TrainingDataError(f"a validation picture is smaller than {VALIDATION_SIDE}x{VALIDATION_SIDE}")
    return picture[:, top : top + VALIDATION_SIDE, left : left + VALIDATION_SIDE]


class Crops:
    """Random crops, flipped and turned at random, chosen with probability proportional to a picture's area."""

    def __init__(self, pictures: Sequence[Tensor], seed: int) -> None:
        self._pictures = pictures
        self._seed = seed
        areas = np.array([picture.shape[1] * picture.shape[2] for picture in pictures], dtype=np.float64)
        self._probabilities = areas / areas.sum()

    def at(self, step: int, number: int, side: int, smallest_side: int) -> Tensor:
        """uint8 (number, 3, side, side) of a step; one step of eight loses an even number of rows and columns, down to `smallest_side`."""
        random = np.random.default_rng((self._seed, step))
        chosen = random.choice(len(self._pictures), number, p=self._probabilities)
        crops = torch.stack([self._crop(self._pictures[index], side, random) for index in chosen])
        if step % ODD_SIZE_EVERY == ODD_SIZE_EVERY - 1:
            cut = 2 * random.integers(0, min(LARGEST_CUT, side - smallest_side) // 2 + 1, 2)
            crops = crops[..., : side - cut[0], : side - cut[1]]
        return crops

    def _crop(self, picture: Tensor, side: int, random: np.random.Generator) -> Tensor:
        top, left = (int(random.integers(0, size - side + 1)) for size in picture.shape[1:])
        crop = picture[:, top : top + side, left : left + side]
        if random.random() < 0.5:
            crop = crop.flip(-1)
        return torch.rot90(crop, int(random.integers(0, 4)), (1, 2))

"""Where the weights are; knows nothing of what is in them."""

from __future__ import annotations

import os
from pathlib import Path

VARIABLE = "JPEGAI_REF_WEIGHTS"
"""Environment variable: a file of weights, or a folder that holds one, in place of the one that comes with the package."""
OWN_WEIGHTS = Path(__file__).with_name("weights")


class WeightsMissing(Exception):
    """There is no file of weights, or not one alone; one line."""


def weights_file() -> Path:
    """The file of weights in use. Raises WeightsMissing."""
    place = Path(os.environ.get(VARIABLE) or OWN_WEIGHTS)
    if place.is_file():
        return place
    found = sorted(place.glob("*.safetensors"))
    if len(found) == 1:
        return found[0]
    if found:
        raise WeightsMissing(f"{place} holds {len(found)} files of weights: set {VARIABLE} to the one that is meant")
    raise WeightsMissing(f"there are no weights in {place}: train some (see TRAINING.md) or set {VARIABLE} to a file of weights")

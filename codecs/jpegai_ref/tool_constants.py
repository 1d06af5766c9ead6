"""Constants of the tools in a file of weights: int32 tensors `tools.NAME.PART`."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from jpegai_ref.dimensions import MODELS as MODELS

COMPONENTS = 2
"""Luma and chroma."""

Constants = NDArray[np.int32]


def has_constants(tensors: Mapping[str, Tensor], tool: str) -> bool:
    """Whether a file has any constants of a tool."""
    return any(name.startswith(f"tools.{tool}.") for name in tensors)


def constants(tensors: Mapping[str, Tensor], name: str) -> Constants:
    """The tensor `tools.NAME`. Raises KeyError where there is none."""
    return tensors[f"tools.{name}"].numpy()


def of_components(tensors: Mapping[str, Tensor], *names: str) -> list[tuple[Constants, ...]]:
    """The tensors `tools.NAME` of luma, and those of chroma: their first axis is the component.

    Raises KeyError where there is none, ValueError where one is not of two components."""
    found = [constants(tensors, name) for name in names]
    for name, values in zip(names, found, strict=True):
        if not values.ndim or len(values) != COMPONENTS:
            raise ValueError(f"tools.{name} is of {COMPONENTS} components, not of shape {values.shape}")
    return [tuple(values[component] for values in found) for component in range(COMPONENTS)]


def check_constants(name: str, values: Constants, shape: tuple[int, ...], lowest: int, highest: int) -> None:
    """Raises ValueError where constants are not int32 of this shape within lowest..highest."""
    if values.dtype != np.int32 or values.shape != shape:
        raise ValueError(f"{name} are int32 {shape}, not {values.dtype} {values.shape}")
    if values.min() < lowest or values.max() > highest:
        raise ValueError(f"{name} are in {lowest}..{highest}")


def check_rising(name: str, thresholds: Constants) -> None:
    """Raises ValueError where thresholds (..., n) fall from one to the next."""
    if np.any(np.diff(thresholds, axis=-1) < 0):
        raise ValueError(f"{name} do not rise")

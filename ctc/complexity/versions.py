"""Versions of the packages that decide numbers."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from ctc import __version__

PACKAGES = (
    "dask", "distributed", "imagecodecs", "imageio-ffmpeg", "matplotlib", "numba", "numpy", "pandas", "pillow", "piq",
    "scikit-image", "scipy", "tifffile", "torch", "torchvision",
)  # fmt: skip


def package_versions() -> tuple[tuple[str, str], ...]:
    """(package, version) of ctc itself and of what it computes with; packages that are not installed are left out."""
    found = {"ctc": __version__}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return tuple(sorted(found.items()))

"""Values of the official quality framework on pairs that every installation can make: scikit-image's photographs through Pillow's JPEG.

`golden_pairs.csv` holds, for nine pairs, the values that the framework's own code and the packages that it pins gave (libvmaf 2.2.1 for
VMAF), with the tolerance of each, and the hash of the distorted samples, so that another JPEG library cannot be taken for a wrong metric.
"""

from __future__ import annotations

import csv
import io
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data

from ctc import plugins
from ctc.pixels import Rgb, metric_codes, sample_hash

with Path(__file__).with_name("golden_pairs.csv").open(newline="") as _table:
    ROWS = list(csv.DictReader(_table))
CHROMA = {"444": 0, "420": 2}


@lru_cache
def pair(picture: str, top: int, left: int, height: int, width: int, quality: int, chroma: str) -> tuple[Rgb, Rgb]:
    whole = getattr(data, picture)()
    rgb = whole if whole.ndim == 3 else whole[..., None].repeat(3, 2)
    reference = np.ascontiguousarray(rgb[top : top + height, left : left + width])
    coded = io.BytesIO()
    Image.fromarray(reference).save(coded, "JPEG", quality=quality, subsampling=CHROMA[chroma])
    return reference, np.asarray(Image.open(coded))


@pytest.mark.parametrize("name", sorted({row["metric"] for row in ROWS}))
def test_official_values(name: str) -> None:
    rows = [row for row in ROWS if row["metric"] == name]
    assert len(rows) == 9
    record = plugins.metrics()[name]
    for row in rows:
        places = (int(row[key]) for key in ("top", "left", "height", "width", "quality"))
        reference, distorted = pair(row["picture"], *places, row["chroma"])
        if sample_hash(distorted)[:16] != row["distorted_sha256"]:
            pytest.skip("this JPEG library decodes to other samples than the one that made the pairs")
        value = record.score(metric_codes(reference, record.wants), metric_codes(distorted, record.wants), 1023)
        assert abs(value - float(row["value"])) <= float(row["tolerance"]), row

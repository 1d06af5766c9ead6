"""Reads published tables of configurations: those of the folder `configurations`, and files of the same columns.

Lines that begin with # say where a table is from, the first, and under what conditions it was made, the others. Cells in which the
spreadsheet failed (#DIV/0! and the like), and a decoder of 0 kMAC/px, are no values: they are kept as what the table has there.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Mapping
from pathlib import Path

from ctc.errors import DataSetMissing, UsageError
from ctc.published.points import OTHER_NAMES
from ctc.records import AVG, AVG_METRICS, PublishedRow, PublishedTable

FOLDER = Path(__file__).parent / "configurations"
RATE_COLUMNS = {name: OTHER_NAMES.get(name, name) for name in ("msssim_torch", "vif", "fsim", "nlpd", "iw_ssim", "vmaf", "psnr_hvs")}
"""Column -> our name of the metric."""
BRANCH = re.compile(r"(?P<encoder>Enc\w+)-(?P<point>\w+)Dec\b")
"""Encoder and decoder in the name of a multi-branch test."""
OPTIONAL = {
    "max_bit_dev": "largest_deviation",
    "dec_kmac_px_max": "kmac_max",
    "dec_kmac_px_avg": "kmac_mean",
    "dec_time_gpu_x": "time_ratio",
    "params": "parameters",
    "model_bytes": "model_bytes",
    "enc_time_gpu": "encode_time",
}
"""Column -> field of the record; where tables have one mean of kMAC/px, it is called dec_kmac_px."""


def shipped() -> list[str]:
    """Names of the tables that ship with the package."""
    return sorted(path.stem for path in FOLDER.glob("*.csv"))


def load(name_or_file: str) -> PublishedTable:
    """The table called so, or that of a file.

    Raises UsageError where it is neither, or no such table; DataSetMissing where there is no such file."""
    if name_or_file in shipped():
        return _read(name_or_file, FOLDER / f"{name_or_file}.csv")
    path = Path(name_or_file).expanduser()
    if not path.is_file():
        if path.suffix or len(path.parts) > 1:
            raise DataSetMissing(f"--beside {name_or_file}: there is no such file")
        raise UsageError(f"--beside {name_or_file}: published tables are known of {', '.join(shipped())}; else give a file")
    return _read(path.name, path)


def _read(name: str, path: Path) -> PublishedTable:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        comments = [line.lstrip("# ").strip() for line in lines if line.startswith("#")]
        rows = tuple(_row(cells) for cells in csv.DictReader(line for line in lines if not line.startswith("#")))
    except (OSError, KeyError, TypeError, ValueError, AttributeError, csv.Error) as error:
        wanted = f"test, avg, {', '.join(RATE_COLUMNS)}, and operating_point or tests that are called …EncN-XDec…"
        raise UsageError(f"{path}: not a table of configurations with the columns {wanted} ({error})") from error
    if not rows:
        raise UsageError(f"{path}: there are no rows in it")
    return PublishedTable(name, comments[0] if comments else path.name, tuple(comments[1:]), rows)


def _row(cells: Mapping[str, str]) -> PublishedRow:
    if lacking := [column for column in ("test", "avg", *RATE_COLUMNS) if cells.get(column) is None]:
        raise KeyError(f"no {', '.join(lacking)}")
    branch = BRANCH.search(cells["test"])
    failed: list[tuple[str, str]] = []

    def number(column: str, unit: str = "") -> float | None:
        text = (cells.get(column) or "").strip()
        if text.startswith("#") or (column.startswith("dec_kmac") and text and _number(text) == 0):
            failed.append((column, text))
            return None
        return _number(text, unit) if text else None

    rates = {metric: number(column, "%") for column, metric in {"avg": AVG, **RATE_COLUMNS}.items()}
    values = {field: number(column) for column, field in OPTIONAL.items()}
    if "dec_kmac_px" in cells:
        values["kmac_mean"] = number("dec_kmac_px")
    return PublishedRow(
        encoder=branch["encoder"] if branch else "",
        operating_point=branch["point"] if branch else cells["operating_point"],
        test=cells["test"],
        rates_percent=tuple((metric, rates[metric]) for metric in (AVG, *AVG_METRICS)),
        monotone={"TRUE": True, "FALSE": False, "": None}[(cells.get("monotonic") or "").strip().upper()],
        **values,
        unavailable=tuple(failed),
    )


def _number(text: str, unit: str = "") -> float:
    """In `unit`, "%" or none: "-10.6%" is -10.6 or -0.106. Raises ValueError where it is no finite number, or has no %
    where it should."""
    bare = text.removesuffix("%")
    if unit and bare == text:
        raise ValueError(f"a BD-rate is in per cent, as -10.6%, not {text}")
    value = float(bare) / (100 if bare != text and not unit else 1)
    if not math.isfinite(value):
        raise ValueError(f"{text} is not a finite number")
    return value

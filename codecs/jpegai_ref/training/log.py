"""The log: two CSV files that a resumed training continues."""

from __future__ import annotations

import csv
from dataclasses import asdict, dataclass, fields
from pathlib import Path


@dataclass(frozen=True)
class StepRow:
    """Means over the steps since the row before; the rate is in bits per luma sample, the PSNR that of BOP in dB."""

    step: int
    stage: str
    seconds: float
    learning_rate: float
    loss: float
    bpp: float
    hyper_bpp: float
    psnr_y: float
    gradient_norm: float


@dataclass(frozen=True)
class ValidationRow:
    """Means over the held-out pictures at one model's own rate, for one decoder; cost is bpp + beta * D of the first stage."""

    step: int
    stage: str
    model_id: int
    decoder: str
    bpp: float
    hyper_bpp: float
    psnr_y: float
    psnr_u: float
    psnr_v: float
    msssim_y: float
    cost: float


class Log:
    """Appends rows of one kind to a file. Rows of steps after `last_step`, of a run that was killed, are dropped first."""

    def __init__(self, path: Path, kind: type[StepRow] | type[ValidationRow], last_step: int) -> None:
        self._path = path
        self._names = [field.name for field in fields(kind)]
        kept: list[dict[str, str]] = []
        if path.exists():
            with path.open(newline="") as file:
                kept = [row for row in csv.DictReader(file) if int(row["step"]) <= last_step]
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, self._names)
            writer.writeheader()
            writer.writerows(kept)

    def add(self, row: StepRow | ValidationRow) -> None:
        values = {name: f"{value:.6g}" if isinstance(value, float) else value for name, value in asdict(row).items()}
        with self._path.open("a", newline="") as file:
            csv.DictWriter(file, self._names).writerow(values)

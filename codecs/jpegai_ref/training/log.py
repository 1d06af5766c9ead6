"""The log: two CSV files that a resumed training continues."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from jpegai_ref.training.checkpoint import CheckpointError
from jpegai_ref.whole_file import write_whole


@dataclass(frozen=True)
class StepRow:
    """Means over the steps since the row before; the rate is in bits per luma sample, the PSNR in dB that of BOP, if the stage decodes."""

    step: int
    stage: str
    seconds: float
    learning_rate: float
    loss: float
    bpp: float
    hyper_bpp: float
    psnr_y: float | None
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
    """Appends rows of one kind to a file. What a run that was killed left is dropped first: rows of steps after `last_step`, half a row.

    Raises CheckpointError where the file is no such log.
    """

    def __init__(self, path: Path, kind: type[StepRow] | type[ValidationRow], last_step: int) -> None:
        self._path = path
        self._names = [field.name for field in fields(kind)]
        try:
            kept = self._whole_rows(last_step) if path.exists() else []
        except (ValueError, KeyError) as error:
            raise CheckpointError(f"{path} is no log of a training: {error}") from error
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, self._names)
        writer.writeheader()
        writer.writerows(kept)
        write_whole(path, text.getvalue().encode())

    def _whole_rows(self, last_step: int) -> list[dict[str, str]]:
        lines, _, _ = self._path.read_text().rpartition("\n")
        reader = csv.DictReader(io.StringIO(lines), strict=True)
        rows = [row for row in reader if int(row["step"]) <= last_step]
        if rows and reader.fieldnames != self._names:
            raise ValueError("its columns are others")
        return rows

    def add(self, row: StepRow | ValidationRow) -> None:
        values = {name: f"{value:.6g}" if isinstance(value, float) else value for name, value in asdict(row).items()}
        with self._path.open("a", newline="") as file:
            csv.DictWriter(file, self._names).writerow(values)

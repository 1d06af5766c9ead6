"""python -m jpegai_ref.training.fit_eicci: trains the filter eICCI for weights.

Up to a quarter of the time goes into crops that the real coder codes, the rest into training. The networks are kept in the file of weights
and are part of its id: streams of weights with other ones are refused. Networks that are there already are replaced. The same seed gives
the same crops and steps; how many there are goes by the time.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from pathlib import Path

import numpy as np
from torch import Tensor

from jpegai_ref.coder import Coder, load
from jpegai_ref.eicci_network import PREFIX, network_tensors
from jpegai_ref.training.data import Crops, load_pictures
from jpegai_ref.training.eicci_recordings import Recording, recorded
from jpegai_ref.training.eicci_training import SIDE, gains, trained
from jpegai_ref.training.weights_fit import parser_of, run
from jpegai_ref.weights import WeightsError, read, write

CROP = 256
FIRST_CROPS = 4
"""So many are coded however short the time is."""
MOST_CROPS = 200
"""They hold 5 MB each."""
RECORDING_SHARE = 0.25
LONGEST_MINUTES = 10_000
LARGEST_FILE = 20 << 20


def fit(weights: Path, folders: Sequence[Path], out: Path, minutes: float, seed: int) -> str:
    """Writes the weights with the filter to `out`; their id.

    Raises WeightsError where weights cannot be used, where the trained networks have values that half precision cannot hold, or where the
    file would be larger than 20 MiB, TrainingDataError where pictures cannot be used."""
    coder = load(weights)
    pictures = load_pictures(folders, coder.device, CROP)
    held_out = list(recorded(coder, pictures.validation, None))
    start, seconds = time.monotonic(), 60 * minutes

    def passed() -> float:
        return (time.monotonic() - start) / seconds if seconds else 1.0

    recordings = _recordings(coder, Crops(pictures.training, seed), passed, seed)
    _report(f"{len(recordings)} crops of {CROP}x{CROP}, each coded by every model and decoded by every operating point")
    begun = passed()
    networks = trained(recordings, seed, lambda _: (passed() - begun) / (1 - begun) if begun < 1 else 1.0, _report)
    try:
        trained_tensors = network_tensors(networks)
    except ValueError as error:
        raise WeightsError(str(error)) from error
    for line in gains(networks, held_out):
        _report(line)
    tensors = {name: tensor for name, tensor in read(weights).tensors.items() if not name.startswith(PREFIX)}
    return write(out, tensors | trained_tensors, LARGEST_FILE)


def _recordings(coder: Coder, crops: Crops, passed: Callable[[], float], seed: int) -> list[Recording]:
    found: list[Recording] = []
    for recording in recorded(coder, _each(crops), np.random.default_rng(seed)):
        found.append(recording)
        if len(found) == MOST_CROPS or (len(found) >= FIRST_CROPS and passed() >= RECORDING_SHARE):
            break
    return found


def _each(crops: Crops) -> Iterator[Tensor]:
    for step in count():
        yield crops.at(step, 1, CROP, SIDE)[0]


def _report(line: str) -> None:
    print(line, flush=True)


def _minutes(text: str) -> float:
    """Raises ArgumentTypeError for what is no time."""
    try:
        minutes = float(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no number") from error
    if not 0 <= minutes <= LONGEST_MINUTES:
        raise argparse.ArgumentTypeError(f"{text} is not in 0..{LONGEST_MINUTES}")
    return minutes


def main(arguments: Sequence[str] | None = None) -> int:
    parser = parser_of("fit_eicci", __doc__, threads=1)
    parser.add_argument("--minutes", type=_minutes, default=15, help="of coding crops and training [default: 15]")
    return run(parser, arguments, lambda chosen: fit(chosen.weights, chosen.data, chosen.out, chosen.minutes, chosen.seed))


if __name__ == "__main__":
    sys.exit(main())

"""python -m jpegai_ref.training.fit_tools: fits the constants of the tools RVS, CWG, LSBS and LEF to weights.

They are kept in the file of weights and are part of its id: streams of weights with other constants are refused. Constants that are there
already are replaced; networks of eICCI stay. The same seed and pictures give the same constants.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from jpegai_ref.coder import load
from jpegai_ref.eicci_network import PREFIX
from jpegai_ref.training.arguments import LARGEST_SEED, MOST_THREADS, OneLineParser, check_output, integer
from jpegai_ref.training.data import TrainingDataError, load_pictures
from jpegai_ref.training.fit_lef import fit_lef
from jpegai_ref.training.fit_lsbs import fit_lsbs
from jpegai_ref.training.fit_samples import SIDE, samples
from jpegai_ref.training.fit_scaling import fit_cwg, fit_rvs
from jpegai_ref.weights import WeightsError, read, write


def fit(weights: Path, folders: Sequence[Path], out: Path, number: int, seed: int) -> str:
    """Writes the weights with constants to `out`; their id.

    Raises WeightsError where weights cannot be used, TrainingDataError where pictures cannot."""
    coder = load(weights)
    found = samples(coder, load_pictures(folders, coder.device, SIDE).training, number, seed)
    tensors = {name: tensor for name, tensor in read(weights).tensors.items() if not name.startswith("tools.") or name.startswith(PREFIX)}
    for fitted in (fit_lsbs, fit_lef, fit_rvs, fit_cwg):
        tensors |= fitted(coder, found, _report)
    return write(out, tensors)


def _report(line: str) -> None:
    print(line, flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = OneLineParser(prog="python -m jpegai_ref.training.fit_tools", description=__doc__)
    parser.add_argument("--data", type=Path, action="append", required=True, help="a folder of training pictures; may be given again")
    parser.add_argument("--weights", type=Path, required=True, help="the file of weights that the constants are for")
    parser.add_argument("--out", type=Path, required=True, help="the file of weights with constants; may be the same")
    parser.add_argument("--crops", type=integer(1, 10_000), default=12, help="of 256x256 samples [default: 12]")
    parser.add_argument("--seed", type=integer(0, LARGEST_SEED), default=1)
    parser.add_argument("--threads", type=integer(1, MOST_THREADS), default=torch.get_num_threads())
    chosen = parser.parse_args(arguments)
    check_output(parser, chosen.out)
    torch.set_num_threads(chosen.threads)
    try:
        name = fit(chosen.weights, chosen.data, chosen.out, chosen.crops, chosen.seed)
    except (TrainingDataError, WeightsError, OSError) as error:
        print(f"jpegai_ref.training.fit_tools: {error}", file=sys.stderr)
        return 1
    print(f"{chosen.out} has the id {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

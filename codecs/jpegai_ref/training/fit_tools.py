"""python -m jpegai_ref.training.fit_tools: fits the constants of the tools RVS, CWG, LSBS and LEF to weights.

They are kept in the file of weights and are part of its id: streams of weights with other constants are refused. Constants that are there
already are replaced; networks of eICCI stay. LSBS comes first, then LEF, RVS and CWG, each for its use alone and with those before it. The
same seed and pictures give the same constants.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from jpegai_ref.coder import load
from jpegai_ref.eicci_network import PREFIX
from jpegai_ref.tools import Tools
from jpegai_ref.training.data import load_pictures
from jpegai_ref.training.fit_lef import fit_lef
from jpegai_ref.training.fit_lsbs import fit_lsbs
from jpegai_ref.training.fit_samples import SIDE, samples, with_constants
from jpegai_ref.training.fit_scaling import fit_cwg, fit_rvs
from jpegai_ref.training.weights_fit import add_crops, parser_of, run
from jpegai_ref.weights import read, write


def fit(weights: Path, folders: Sequence[Path], out: Path, number: int, seed: int) -> str:
    """Writes the weights with constants to `out`; their id.

    Raises WeightsError where weights cannot be used, TrainingDataError where pictures cannot."""
    coder = load(weights)
    found = samples(coder, load_pictures(folders, coder.device, SIDE).training, number, seed)
    kept = {name: tensor for name, tensor in read(weights).tensors.items() if not name.startswith("tools.") or name.startswith(PREFIX)}
    tensors = fit_lsbs(coder, found, _report)
    before = Tools(lsbs=True)
    for fitted, tool in ((fit_lef, Tools(lef=True)), (fit_rvs, Tools(rvs=True)), (fit_cwg, Tools(cwg=True))):
        tensors |= fitted(with_constants(coder, tensors), found, before, _report)
        before |= tool
    return write(out, kept | tensors)


def _report(line: str) -> None:
    print(line, flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = parser_of("fit_tools", __doc__)
    add_crops(parser, 12)
    return run(parser, arguments, lambda chosen: fit(chosen.weights, chosen.data, chosen.out, chosen.crops, chosen.seed))


if __name__ == "__main__":
    sys.exit(main())

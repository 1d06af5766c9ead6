"""Runs a module with a part of a GPU's memory. A script for a Python that has torch, perhaps not ours; never imported by the harness.

    PYTHON capped.py FRACTION MODULE [ARGUMENT ...]

PyTorch then refuses to take more than FRACTION, 0 to 1, of the memory of the first GPU that it sees, as one would that has no more. The
context of CUDA itself lies outside, and is not limited.
"""

import os
import runpy
import sys


def main() -> None:
    fraction, module = float(sys.argv[1]), sys.argv[2]
    # As `python -m` has it: the folder in which this was started in place of that of this script.
    sys.path[0] = os.getcwd()
    import torch

    torch.cuda.set_per_process_memory_fraction(fraction, 0)
    sys.argv = sys.argv[2:]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


main()

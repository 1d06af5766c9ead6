"""What the command lines of all fits have in common that take weights and training pictures and write weights."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from jpegai_ref.training.arguments import LARGEST_SEED, MOST_THREADS, OneLineParser, check_output, integer
from jpegai_ref.training.data import TrainingDataError
from jpegai_ref.weights import WeightsError


def parser_of(module: str, description: str | None, threads: int | None = None) -> OneLineParser:
    """With --data, --weights, --out, --seed and --threads [default: `threads`, or as many as PyTorch has]."""
    parser = OneLineParser(prog=f"python -m jpegai_ref.training.{module}", description=description)
    parser.add_argument("--data", type=Path, action="append", required=True, help="a folder of training pictures; may be given again")
    parser.add_argument("--weights", type=Path, required=True, help="the file of weights to begin from")
    parser.add_argument("--out", type=Path, required=True, help="the file of weights that is written; may be the same")
    parser.add_argument("--seed", type=integer(0, LARGEST_SEED), default=1, help="[default: 1]")
    default = threads or torch.get_num_threads()
    parser.add_argument("--threads", type=integer(1, MOST_THREADS), default=default, help=f"[default: {default}]")
    return parser


def add_crops(parser: OneLineParser, default: int) -> None:
    """The option --crops."""
    parser.add_argument("--crops", type=integer(1, 10_000), default=default, help=f"of 256x256 samples [default: {default}]")


def run(parser: OneLineParser, arguments: Sequence[str] | None, fit: Callable[[argparse.Namespace], str]) -> int:
    """Parses, fits and names the id of what was written; the exit status. What `fit` may raise of data, weights and files is one line."""
    chosen = parser.parse_args(arguments)
    check_output(parser, chosen.out)
    torch.set_num_threads(chosen.threads)
    try:
        name = fit(chosen)
    except (TrainingDataError, WeightsError, OSError) as error:
        print(f"{parser.prog.removeprefix('python -m ')}: {error}", file=sys.stderr)
        return 1
    print(f"{chosen.out} has the id {name}", flush=True)
    return 0

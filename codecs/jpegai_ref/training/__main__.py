"""python -m jpegai_ref.training: one slice of training."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from jpegai_ref.training.data import TrainingDataError
from jpegai_ref.training.train import Plan, train
from jpegai_ref.weights import WeightsError


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m jpegai_ref.training", description=__doc__)
    parser.add_argument("--data", type=Path, action="append", required=True, help="a folder of pictures; may be given again")
    parser.add_argument("--out", type=Path, required=True, help="checkpoint and log; a training found there is continued")
    parser.add_argument("--minutes", type=float, required=True, help="the slice ends by itself after so long")
    parser.add_argument("--steps", type=int, required=True, help="of the whole plan, all slices together")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="bf16")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--batch-factor", type=int, default=1, help="multiplies the batch of every stage, for a device with many cores")
    parser.add_argument("--compile", action="store_true", help="torch.compile the coding path")
    chosen = parser.parse_args(arguments)
    torch.set_num_threads(chosen.threads)
    plan = Plan(
        folders=tuple(chosen.data),
        out=chosen.out,
        total_steps=chosen.steps,
        device=chosen.device,
        precision=chosen.precision,
        seed=chosen.seed,
        batch_factor=chosen.batch_factor,
        compiled=chosen.compile,
    )
    try:
        trainer = train(plan, chosen.minutes)
    except (TrainingDataError, WeightsError, ValueError) as error:
        print(f"jpegai_ref.training: {error}", file=sys.stderr)
        return 1
    print(f"{trainer.step} of {plan.total_steps} steps done, {trainer.seconds:.0f} s in all, checkpoint in {plan.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

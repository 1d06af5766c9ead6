"""The command `train`: one slice of a training, or the weights that it has come to."""

from __future__ import annotations

import math
from pathlib import Path

import click
import torch

from jpegai_ref.coder import check_device
from jpegai_ref.command_errors import Failure, check_output, reported
from jpegai_ref.memory import reuse_large_blocks
from jpegai_ref.training.checkpoint import CheckpointError
from jpegai_ref.training.data import TrainingDataError
from jpegai_ref.training.export import LARGEST_FILE, export
from jpegai_ref.training.plan import Plan, Precision
from jpegai_ref.training.stages import STAGES
from jpegai_ref.training.train import train
from jpegai_ref.weights import Weights, read
from jpegai_ref.weights_place import weights_file

COMMITTED = "committed"


@click.command("train", context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--data",
    "folders",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Pictures to train on, subfolders included; may be given again. Not read where nothing is left to train.",
)
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Checkpoint and log; a training found there is continued.",
)
@click.option("--steps", required=True, type=click.IntRange(1, 10**9), help="Of the whole plan, all slices together.")
@click.option(
    "--minutes",
    required=True,
    type=click.FloatRange(min=0),
    help="The slice ends by itself after so long. 0: nothing is trained, which --export can go with.",
)
@click.option(
    "--export",
    "exported",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help=f"Write the averaged weights for the codec, of at most {LARGEST_FILE >> 20} MiB, when the slice has ended (.safetensors).",
)
@click.option(
    "--start",
    metavar="FILE",
    help=f"The plan starts from these weights, `{COMMITTED}` for those that come with the package. [default: from a block transform]",
)
@click.option(
    "--from-stage",
    type=click.Choice([stage.name for stage in STAGES]),
    help="With --start: the plan has this stage and those after it. [default: all]",
)
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=1, show_default=True, help="Another seed is another training.")
@click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True)
@click.option(
    "--precision",
    type=click.Choice(["bf16", "fp32"]),
    default="bf16",
    show_default=True,
    help="Of convolutions; weights, likelihoods and the entropy part are in float32 with both.",
)
@click.option("--threads", type=click.IntRange(1, 256), help="Of the processor. [default: one for each core]")
@click.option(
    "--batch-factor",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="Multiplies the batch of every stage, for a device with many cores.",
)
@click.option("--compile", "compiled", is_flag=True, help="The coding path goes through torch.compile: slow to begin, then faster.")
def command(
    folders: tuple[Path, ...],
    out: Path,
    steps: int,
    minutes: float,
    exported: Path | None,
    start: str | None,
    from_stage: str | None,
    seed: int,
    device: str,
    precision: Precision,
    threads: int | None,
    batch_factor: int,
    compiled: bool,
) -> None:
    """Train weights from the photographs in FOLDER, in slices of time that continue one another; TRAINING.md is the recipe.

    --steps, --seed, --start and --from-stage make a training: they are the same in all of its slices.
    """
    if math.isnan(minutes):
        raise click.UsageError("--minutes is not a number")
    if minutes and not folders:
        raise click.UsageError("give a folder of pictures by --data")
    if from_stage and not start:
        raise click.UsageError("--from-stage goes with --start")
    with reported():
        if exported:
            check_output(exported)
        check_device(device)
        reuse_large_blocks()
        if threads is not None:
            torch.set_num_threads(threads)
        plan = Plan(folders, out, steps, device, precision, seed, batch_factor, compiled, _start(start), from_stage or STAGES[0].name)
        _run(plan, minutes, exported)


def _start(place: str | None) -> Weights | None:
    if place is None:
        return None
    return read(weights_file() if place == COMMITTED else Path(place))


def _run(plan: Plan, minutes: float, exported: Path | None) -> None:
    try:
        checkpoint = train(plan, minutes)
        progress = checkpoint.progress
        click.echo(f"{progress.step} of {progress.total_steps} steps done, {progress.seconds:.0f} s in all, checkpoint in {plan.out}")
        if exported:
            weights = export(exported, checkpoint, plan.dimensions)
            click.echo(f"weights {weights.id}, {weights.size_bytes / 2**20:.2f} MiB, in {exported}")
    except (TrainingDataError, CheckpointError) as error:
        raise Failure(str(error)) from error
    except torch.OutOfMemoryError as error:
        raise Failure("there is not enough memory on the device: a smaller --batch-factor needs less") from error

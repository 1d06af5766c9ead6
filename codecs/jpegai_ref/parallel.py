"""Work shared by threads such that the floats do not depend on how many there are.

A convolution that is split among threads may sum in another order than one that is not. So whole tasks are dealt out, each of which
computes with one thread.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

from jpegai_ref.coder import inference

Result = TypeVar("Result")
CPU = torch.device("cpu")


def in_parallel(tasks: Sequence[Callable[[], Result]], device: torch.device) -> list[Result]:
    """The results of all tasks, in their order: on a CPU by as many at a time as PyTorch has threads, on a GPU one after the other.

    Sets PyTorch's number of threads while it runs, so that only one thread of a process should be in here.
    """
    if device.type != "cpu":
        with inference():
            return [task() for task in tasks]
    threads = torch.get_num_threads()
    try:
        if min(threads, len(tasks)) <= 1:
            torch.set_num_threads(1)
            return [_alone(task) for task in tasks]
        with ThreadPoolExecutor(min(threads, len(tasks))) as pool:
            return list(pool.map(_alone, tasks))
    finally:
        torch.set_num_threads(threads)


def _alone(task: Callable[[], Result]) -> Result:
    # Both are settings of the thread that runs the task.
    torch.set_num_threads(1)
    with inference():
        return task()

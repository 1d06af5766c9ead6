"""Command lines of the fits: what is wrong with one is said in one line, with status 2."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import NoReturn

MOST_THREADS = 256
LARGEST_SEED = 2**32 - 1


class OneLineParser(argparse.ArgumentParser):
    """Ends the process with one line on standard error, without the usage that `--help` shows."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog.removeprefix('python -m ')}: {' '.join(message.split())}\n")


def integer(lowest: int, highest: int) -> Callable[[str], int]:
    """What reads an integer from lowest to highest, as a type of an option. It raises ArgumentTypeError for another text."""

    def read(text: str) -> int:
        try:
            value = int(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(f"{text!r} is no integer") from error
        if not lowest <= value <= highest:
            raise argparse.ArgumentTypeError(f"{text} is not in {lowest}..{highest}")
        return value

    return read

"""Command lines of the fits: what is wrong with one is said in one line, with status 2."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from jpegai_ref.whole_file import obstacle

MOST_THREADS = 256
LARGEST_SEED = 2**32 - 1


class OneLineParser(argparse.ArgumentParser):
    """Ends the process with one line on standard error, without the usage that `--help` shows."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog.removeprefix('python -m ')}: {' '.join(message.split())}\n")


def check_output(parser: argparse.ArgumentParser, path: Path) -> None:
    """Ends the process by `parser` where a file cannot be written to `path`: better said ahead of a fit than behind it."""
    if reason := obstacle(path):
        parser.error(f"{path} cannot be written: {reason}")


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

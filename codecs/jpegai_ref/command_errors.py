"""What goes wrong in a command becomes one line on standard error and an exit status.

1 for a file that cannot be used; 2 for an output that has no folder, is an input too or has the wrong suffix, for channels, a region or a
rectangle that are not there and for what RDLR does not go together with; 3 for a target rate that was missed; 4 where weights, a GPU or
what a tool needs are missing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from jpegai_ref.errors import BitstreamError, FileCutOff
from jpegai_ref.tools import NotRefinable, ToolUnavailable
from jpegai_ref.whole_file import obstacle, write_whole


class Failure(click.ClickException):
    """A file that cannot be used; one line."""

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))


class Missing(Failure):
    """Weights, a device or what a tool needs are not there."""

    exit_code = 4


class Missed(click.ClickException):
    """A file was written, and it is not what was asked for; one line."""

    exit_code = 3


def check_output(path: Path, *inputs: Path) -> None:
    """Raises UsageError where a file cannot be written to `path`, or would take the place of an input."""
    if reason := obstacle(path):
        raise click.UsageError(f"{path} cannot be written: {reason}")
    if path.is_file() and any(source.exists() and path.samefile(source) for source in inputs):
        raise click.UsageError(f"{path} is an input too, and would be overwritten: give the output another name")


def write_output(path: Path, content: bytes) -> None:
    """Whole or not at all. Raises Failure where the file cannot be written."""
    try:
        write_whole(path, content)
    except OSError as error:
        raise Failure(f"{path} cannot be written: {error.strerror}") from error


@contextmanager
def reported(bitstream: Path | None = None) -> Iterator[None]:
    """Turns what can go wrong with files, weights and devices into Failure, Missing or UsageError; `bitstream` is what is decoded."""
    from jpegai_ref.channel_prefix import ChannelsMissing
    from jpegai_ref.coder import DeviceMissing
    from jpegai_ref.pictures import PictureFileError, WrongSuffix
    from jpegai_ref.region_of_interest import RectangleOutside, RegionError
    from jpegai_ref.regions import NoSuchRegion
    from jpegai_ref.weights import WeightsError
    from jpegai_ref.weights_place import WeightsMissing

    try:
        yield
    except (WeightsError, WeightsMissing, DeviceMissing, ToolUnavailable) as error:
        raise Missing(str(error)) from error
    except RectangleOutside as error:
        raise click.UsageError(f"--roi: {error}") from error
    except FileCutOff as error:
        raise Failure(f"{bitstream} is cut off: {error}; `decode --partial` gives a preview of what is there") from error
    except BitstreamError as error:
        raise Failure(f"{bitstream}: {error}") from error
    except (PictureFileError, RegionError) as error:
        raise Failure(str(error)) from error
    except WrongSuffix as error:
        raise click.UsageError(str(error)) from error
    except NoSuchRegion as error:
        raise click.UsageError(f"--region: {error}") from error
    except ChannelsMissing as error:
        raise click.UsageError(f"--channels: {error}") from error
    except NotRefinable as error:
        raise click.UsageError(f"--tools: {error}") from error
    except OSError as error:
        raise Failure(f"{error.filename}: {error.strerror}" if error.filename else str(error)) from error
    except MemoryError as error:
        raise Failure("there is not enough memory for this picture") from error

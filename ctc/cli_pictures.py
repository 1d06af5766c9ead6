"""The options that the commands which code the pictures of a set have in common."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

SET = click.option("--set", "dataset", default="demo", show_default=True, help="A set of datasets.yaml, NAME=FOLDER, or a folder.")
IMAGES = click.option("--images", multiple=True, metavar="GLOB", help="Only pictures whose name matches; may be given several times.")
LIMIT = click.option("--limit", type=click.IntRange(min=1), help="Only the first so many pictures.")
ALLOW_PARTIAL = click.option(
    "--allow-partial", is_flag=True, help="Go on without pictures of the set that are missing or not as they should be."
)
CACHE = click.option("--cache", type=click.Path(path_type=Path), help="Folder of the store. [default: $CTC_CACHE or .cache/ctc]")
RATE_TOLERANCE = click.option(
    "--rate-tolerance", type=click.FloatRange(0.001, 1.0), default=0.10, show_default=True, help="Allowed |bpp / target - 1|."
)


def of_a_set(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that choose pictures: arguments `dataset`, `images`, `limit`, `allow_partial`."""
    for option in (ALLOW_PARTIAL, LIMIT, IMAGES, SET):
        command = option(command)
    return command


def time_limit_of(default_s: float) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """--time-limit, of `default_s` seconds where it is not given."""
    kind = click.FloatRange(min=0.1)
    return click.option("--time-limit", type=kind, default=default_s, show_default=True, help="Seconds for one encode or decode.")

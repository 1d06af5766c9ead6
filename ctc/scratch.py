"""Scratch folders of units of work, named so that those of killed runs can be found and removed."""

from __future__ import annotations

import os
import platform
import re
import shutil
import tempfile
from pathlib import Path

import psutil


def scratch_prefix() -> str:
    """Prefix of a scratch folder's name: this host and process."""
    return f"ctc-{platform.node()}-{os.getpid()}-"


def remove_abandoned() -> None:
    """Removes the scratch folders of processes of this host that are no more; a run killed with -9 leaves them."""
    for folder in Path(tempfile.gettempdir()).glob(f"ctc-{platform.node()}-*"):
        found = re.fullmatch(r"ctc-.*-(\d+)-[^-]*", folder.name)
        if found is not None and not psutil.pid_exists(int(found[1])):
            shutil.rmtree(folder, ignore_errors=True)

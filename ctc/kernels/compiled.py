"""How the loops of this package are compiled, and where their machine code is kept."""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., Any])

CONFIG: Any = numba.config
CODES = "Array(uint16, 2, 'C', readonly=True)"
"""Signature of the codes of a plane: they may be in memory that cannot be written."""

HERE = Path(__file__).parent


def compiled(*signatures: str, sums_reordered: bool = False, fused: bool = True) -> Callable[[Function], Function]:
    """Compiles for these signatures when the module is imported, or loads the machine code of an earlier process.

    Multiplications and additions may fuse unless `fused` is off; with `sums_reordered` a sum may run over several lanes. Both make last
    digits depend on the processor. Without the interpreter's lock, so that strips can run in threads.
    """
    allowed = ({"contract"} if fused else set()) | ({"reassoc"} if sums_reordered else set())

    def decorate(function: Function) -> Function:
        with _kept_in(_folder()) as kept:
            return cast(
                Function, numba.njit(list(signatures), cache=kept, nogil=True, error_model="numpy", fastmath=allowed or False)(function)
            )

    return decorate


@lru_cache(maxsize=1)
def _folder() -> Path | None:
    """Folder for the machine code: $NUMBA_CACHE_DIR, beside the sources, the user's cache folder, or None where none can be written.

    Its last part names the sources. numba itself looks only at the file of a function and would not notice a change in one that it calls.
    Writers use temporary names and rename, so processes may compile the same loop at the same time.
    """
    sources = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(HERE.glob("*.py")))).hexdigest()[:12]
    user = Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser())
    for parent in (CONFIG.CACHE_DIR, HERE / "__pycache__", user / "ctc"):
        if parent and _writable(Path(parent) / f"kernels-{sources}"):
            folder = Path(parent) / f"kernels-{sources}"
            if sys.stderr.isatty() and not any(folder.iterdir()):
                print("compiling the loops of the metrics, once: about half a minute", file=sys.stderr)
            return folder
    return None


def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


@contextmanager
def _kept_in(folder: Path | None) -> Iterator[bool]:
    """numba's cache in `folder` inside; whether there is one."""
    before = CONFIG.CACHE_DIR
    CONFIG.CACHE_DIR = str(folder or "")
    try:
        yield folder is not None
    finally:
        CONFIG.CACHE_DIR = before

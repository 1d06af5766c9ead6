"""Where the command line begins: modules take seconds to load, in which Ctrl-C ends the process at once and without a traceback."""

from __future__ import annotations

import signal
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line and exits with its status."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.default_int_handler:
        # Where a shell lets a background process ignore it, that stays so.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from ctc.cli import main as run

    signal.signal(signal.SIGINT, before)
    run(arguments)

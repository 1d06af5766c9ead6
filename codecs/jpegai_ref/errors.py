"""What can go wrong with a bitstream; `str()` is the one line that a person reads."""

from __future__ import annotations


class BitstreamError(Exception):
    """The bytes are no picture of this codec: foreign, cut short, altered, or larger than what was allowed."""


class CutShort(BitstreamError):
    """The bytes end where more must follow."""


class FileCutOff(CutShort):
    """A file that ends before its codestream does; `partial_file` reads such files."""

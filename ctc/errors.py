"""What can go wrong, as one tree; `str()` of each is the one line that a person reads.

CtcError
|-- UsageError          wrong option or configuration                     exit 2
|-- ToolMissing         a program or package is not there                 exit 4
|-- DataSetMissing      a picture set is not there or not whole           exit 4
|-- PictureError        a picture cannot be used                          stored as Failed
|-- ToolFailed          a program ended badly, hung, or gave rubbish      stored as Failed
|-- OutOfDeviceMemory   a GPU is too small for a picture                  stored as Failed
|-- MetricUndefined     a metric has no value for these pictures          stored as an empty score
|-- NotWritable         a folder cannot be written                        exit 2
`-- OutOfSpace          the disk is full                                  exit 1, nothing lost
"""

from __future__ import annotations


class CtcError(Exception):
    """Base of all errors that are reported as one line."""

    exit_status = 1


class UsageError(CtcError):
    exit_status = 2


class ToolMissing(CtcError):
    """Says what is missing and how to get it."""

    exit_status = 4


class DataSetMissing(CtcError):
    exit_status = 4


class PictureError(CtcError):
    """A picture that cannot be read or is of a kind that the common test conditions do not know."""


class ToolFailed(CtcError):
    """A started program failed. Carries its command line and the tail of what it printed."""

    def __init__(self, message: str, command: tuple[str, ...] = (), log_tail: str = "") -> None:
        super().__init__(message)
        self.command = command
        self.log_tail = log_tail

    def __reduce__(self) -> tuple[type[ToolFailed], tuple[str, tuple[str, ...], str]]:
        return type(self), (str(self), self.command, self.log_tail)


class OutOfDeviceMemory(CtcError):
    """A GPU's memory does not hold what a metric needs for a picture."""


class MetricUndefined(CtcError):
    """The metric is not defined for these pictures; the text is the reason shown in the empty cell."""


class NotWritable(CtcError):
    """A folder that cannot be written: the system refuses it."""

    exit_status = 2


class OutOfSpace(CtcError):
    """The disk is full."""

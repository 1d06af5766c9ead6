"""A learned codec with the structure of JPEG AI (ISO/IEC 6048-1 | ITU-T T.840.1), in a compact configuration."""

from __future__ import annotations

from typing import Any


def __getattr__(name: str) -> Any:
    # The harness asks for CODECS; without it the package works alone.
    if name == "CODECS":
        from jpegai_ref.plugin import CODECS

        return CODECS
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

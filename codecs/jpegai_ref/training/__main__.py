"""python -m jpegai_ref.training: the same as python -m jpegai_ref train."""

from __future__ import annotations

import sys

from jpegai_ref.__main__ import main

if __name__ == "__main__":
    main(["train", *sys.argv[1:]])

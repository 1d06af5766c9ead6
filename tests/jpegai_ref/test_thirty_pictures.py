"""Thirty pictures through fresh processes with the weights that come with the package: the decoder has the encoder's planes, and neither
streams nor planes depend on the number of threads."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.jpegai_ref.fresh_process import pictures

ROOT = Path(__file__).resolve().parents[2]


def lines(task: str, folder: Path, threads: int) -> list[str]:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT / "codecs"), str(ROOT)])}
    command = [sys.executable, "-m", "tests.jpegai_ref.fresh_process", task, str(folder), str(threads)]
    run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=900, check=False)
    assert run.returncode == 0, run.stderr
    return run.stdout.splitlines()


@pytest.mark.slow
def test_thirty_pictures(tmp_path: Path) -> None:
    expected = lines("encode", tmp_path, 1)
    assert len(expected) == len(list(pictures())) == 30
    assert len({line.split()[1] for line in expected}) == 30
    assert lines("decode", tmp_path, 2) == expected
    for threads in (2, 4):
        assert lines("encode", tmp_path, threads) == expected

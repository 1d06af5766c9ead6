"""What many tests need: small pictures of real content, and the command line called as a person would."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from ctc.picturefiles import write_png


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    status: int
    out: str
    err: str


Command = Callable[..., Ended]
"""A command line: takes its arguments."""
Ctc = Command


def called(main: Callable[[list[str]], object], capfd: pytest.CaptureFixture[str]) -> Command:
    """The command line whose entry is `main`."""

    def call(*arguments: str | Path) -> Ended:
        capfd.readouterr()
        with pytest.raises(SystemExit) as ending:
            main([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        assert isinstance(ending.value.code, int)
        return Ended(ending.value.code, out, err)

    return call


@pytest.fixture
def ctc(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Ctc:
    """Calls the command line inside `tmp_path`; gives exit status, stdout, stderr."""
    from ctc import progress
    from ctc.cli import main

    monkeypatch.chdir(tmp_path)
    # On a busy machine even small work takes so long that it would be told.
    monkeypatch.setattr(progress, "APART_S", math.inf)
    return called(main, capfd)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder with two crops of photographs: 96x64 `chelsea`, 61x53 `coffee`."""
    from skimage import data

    folder = tmp_path / "pictures"
    folder.mkdir()
    write_png(folder / "chelsea.png", data.chelsea()[100:164, 150:246])
    write_png(folder / "coffee.png", data.coffee()[150:203, 200:261])
    return folder

"""What the command lines of all fits have in common: one line for what is wrong, before anything is read."""

from __future__ import annotations

from types import ModuleType

import pytest
from jpegai_ref.training import fit_eicci, fit_gains, fit_tools, order_channels

WITH_CROPS = (fit_gains, fit_tools, order_channels)


def refused(module: ModuleType, arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> str:
    """What a fit says to these arguments and all others that it must have."""
    rest = () if "--out" in arguments else ("--out", "w.safetensors")
    with pytest.raises(SystemExit, match="2"):
        module.main(["--data", "data", "--weights", "weights", *rest, *arguments])
    said = capsys.readouterr()
    assert not said.out
    return said.err


@pytest.mark.parametrize("module", [*WITH_CROPS, fit_eicci], ids=lambda module: module.__name__)
@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--threads", "0"), "argument --threads: 0 is not in 1..256"),
        (("--threads", "x"), "argument --threads: 'x' is no integer"),
        (("--seed", "-1"), "argument --seed: -1 is not in 0..4294967295"),
        (("--out", "nowhere/w.safetensors"), "nowhere/w.safetensors cannot be written: there is no such folder"),
        (("--out", "."), ". cannot be written: it is a folder"),
    ],
)
def test_wrong_command_lines(module: ModuleType, arguments: tuple[str, ...], complaint: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert refused(module, arguments, capsys) == f"{module.__name__}: {complaint}\n"


@pytest.mark.parametrize("module", WITH_CROPS, ids=lambda module: module.__name__)
def test_no_crops(module: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert refused(module, ("--crops", "0"), capsys) == f"{module.__name__}: argument --crops: 0 is not in 1..10000\n"


@pytest.mark.parametrize("minutes", ["-1", "nan"])
def test_minutes_out_of_range(minutes: str, capsys: pytest.CaptureFixture[str]) -> None:
    complaint = f"argument --minutes: {minutes} is not in 0..10000"
    assert refused(fit_eicci, ("--minutes", minutes), capsys) == f"jpegai_ref.training.fit_eicci: {complaint}\n"


def test_minutes_that_are_no_number(capsys: pytest.CaptureFixture[str]) -> None:
    assert refused(fit_eicci, ("--minutes", "x"), capsys) == "jpegai_ref.training.fit_eicci: argument --minutes: 'x' is no number\n"


@pytest.mark.parametrize("module", [*WITH_CROPS, fit_eicci], ids=lambda module: module.__name__)
def test_an_output_must_be_named(module: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        module.main(["--data", "data", "--weights", "weights"])
    assert capsys.readouterr() == ("", f"{module.__name__}: the following arguments are required: --out\n")

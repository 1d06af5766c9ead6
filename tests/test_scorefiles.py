"""`ctc score`: files and folders, a table and a CSV, and clear refusals."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ctc.picturefiles import read_picture, write_png
from tests.conftest import Ctc


@pytest.fixture
def distorted(pictures: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "distorted"
    folder.mkdir()
    for file in pictures.iterdir():
        rgb, _ = read_picture(file)
        write_png(folder / file.name, rgb // 8 * 8)
    return folder


def test_two_files_and_csv(ctc: Ctc, pictures: Path, distorted: Path, tmp_path: Path) -> None:
    reference, other = pictures / "coffee.png", distorted / "coffee.png"
    ended = ctc("score", reference, other, reference, "--metrics", "psnr_y,fsim,psnr_hvs", "--csv", "scores.csv")
    assert ended.status == 0, ended.err
    assert f"{other} against {reference}" in ended.out
    table = pd.read_csv(tmp_path / "scores.csv")
    assert table.columns.tolist() == ["reference", "distorted", "psnr_y", "fsim", "psnr_hvs"]
    assert table.distorted.tolist() == [str(other), str(reference)]
    assert table.psnr_y.tolist()[1] == float("inf")
    # Luma PSNR straight from the definition; the grid of 10 bits, twice rounded to, may move it by a few hundredths.
    planes = [read_picture(path)[0].astype(float) / 255 @ [0.2126, 0.7152, 0.0722] for path in (reference, other)]
    expected = -10 * np.log10(np.mean((planes[0] - planes[1]) ** 2))
    assert abs(table.psnr_y[0] - expected) < 0.03


def test_two_folders(ctc: Ctc, pictures: Path, distorted: Path) -> None:
    ended = ctc("score", pictures, distorted, "--metrics", "psnr_y", "--internal-bits", "8")
    assert ended.status == 0
    assert ended.out.count(" against ") == 2
    (distorted / "coffee.png").unlink()
    missing = ctc("score", pictures, distorted)
    assert missing.status == 2
    assert "has no picture for coffee.png" in missing.err


def test_undefined_values_say_why(ctc: Ctc, tmp_path: Path) -> None:
    write_png(tmp_path / "one.png", np.zeros((1, 1, 3), np.uint8))
    ended = ctc("score", tmp_path / "one.png", tmp_path / "one.png", "--csv", "s.csv")
    assert ended.status == 0
    assert "undefined: " in ended.out
    assert "nan" not in (tmp_path / "s.csv").read_text()


def test_refusals(ctc: Ctc, pictures: Path, distorted: Path) -> None:
    for arguments, status, says in (
        (("gone.png", pictures / "coffee.png"), 4, "gone.png: there is no such file or folder"),
        ((pictures / "coffee.png", distorted), 2, "is a file and"),
        ((pictures, distorted / "coffee.png"), 2, "is a folder; give one folder"),
        ((pictures / "coffee.png", pictures / "chelsea.png"), 1, "differ in size: 61x53 and 96x64; metrics need equal sizes"),
        ((pictures / "coffee.png", pictures / "coffee.png", "--metrics", "x"), 2, "unknown metric 'x'"),
        (
            (pictures / "coffee.png", pictures / "coffee.png", "--metrics", "psnr_y", "--csv", "gone/x.csv"),
            2,
            "--csv gone/x.csv: is a folder or lies in none",
        ),
    ):
        ended = ctc("score", *arguments)
        assert (ended.status, len(ended.err.strip().splitlines())) == (status, 1), ended.err
        assert says in ended.err
    shutil.rmtree(distorted)
    distorted.mkdir()
    assert "there are no pictures in it" in ctc("score", pictures, distorted).err

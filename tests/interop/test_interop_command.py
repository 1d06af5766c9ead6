"""`ctc interop` with the bundled codec: one line for what is wrong, and a device that is broken on purpose is named by its tensor."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from jpegai_ref.processes import device_processes, devices

from ctc import plugins
from ctc.protocols import Portable
from tests.conftest import Ctc

QUICK = ("--codecs", "jpegai-sop", "--metrics", "psnr_y", "--cache", "store")


@pytest.fixture
def left() -> Iterator[None]:
    """No process stays behind."""
    yield
    device_processes().leave()


@pytest.mark.slow
@pytest.mark.usefixtures("left")
def test_a_broken_device_is_caught_by_the_name_of_the_tensor(ctc: Ctc, pictures: Path, tmp_path: Path) -> None:
    ended = ctc("interop", "--set", pictures, *QUICK, "--devices", "cpu,float-scales", "--rates", "0.5", "--limit", "1", "--out", "out")
    assert ended.status == 3, ended.err
    assert "jpegai-sop: NOT interoperable" in ended.out
    assert "BROKEN: luma.sigma_index" in ended.out
    assert "cpu to float-scales: luma.sigma_index " in ended.out
    assert "cpu to cpu" not in ended.out
    assert not (tmp_path / "store" / "interop").exists()
    rows = csv.DictReader((tmp_path / "out" / "interop.csv").read_text().splitlines())
    cells = {(row["encoder"], row["decoder"]): row for row in rows}
    assert cells["cpu", "cpu"]["status"] == "identical"
    assert cells["float-scales", "cpu"]["integers"].startswith("luma.sigma_index ")
    (stored,) = json.loads((tmp_path / "out" / "interop.json").read_text())
    assert [device["broken"] for device in stored["devices"]] == [False, True]
    assert (tmp_path / "out" / "interop.txt").read_text().strip() == ended.out.strip()


@pytest.mark.slow
def test_what_was_run_is_in_every_report_of_a_run(ctc: Ctc, pictures: Path, tmp_path: Path) -> None:
    shared = ("--set", pictures, "--codecs", "jpeg", "--metrics", "psnr_y", "--cache", "store", "--rates", "1,2")
    ended = ctc("interop", *shared)
    assert ended.status == 0, ended.err
    assert "encoded twice, decoded twice" in ended.out
    assert ctc("run", *shared, "--anchor", "jpeg", "--out", "out").status in (0, 3)
    assert "## Interoperability, jpeg: interoperable" in (tmp_path / "out" / "table.md").read_text()
    assert "jpeg,here,here,identical,4,not traced,0,0,0," in (tmp_path / "out" / "interop.csv").read_text()


def test_devices_of_the_bundled_codec() -> None:
    names = [device.name for device in devices()]
    assert names[0] == "cpu"
    assert {"float64", "no-onednn", "onnx", "cuda", "float-scales"} < set(names)
    assert [device.name for device in devices() if not device.encodes] == ["onnx"]
    assert [device.name for device in devices() if device.broken] == ["float-scales"]
    assert [device.name for device in devices() if device.slow] == ["compiled"]
    for name in ("jpegai-bop", "jpegai-bop+gpu"):
        codec = plugins.codecs()[name]
        assert isinstance(codec, Portable)
        assert set(codec.own_devices()) <= set(names)


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (["--devices", "abacus"], 2, "--devices abacus: jpegai-sop has cpu, cpu-"),
        (["--rates", "none"], 2, "--rates none: rates are numbers"),
        (["--out", "a-file"], 2, "--out a-file: is a file, not a folder"),
        (["--codecs", "jpegai-sob"], 2, "did you mean jpegai-sop"),
        (["--codecs", "jpeg", "--devices", "cpu"], 2, "--devices: jpeg has none to choose from"),
        (["--set", "nowhere"], 2, "--set nowhere: is neither a set"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_one_line_for_what_is_wrong(ctc: Ctc, pictures: Path, tmp_path: Path, arguments: list[str], status: int, says: str) -> None:
    (tmp_path / "a-file").touch()
    ended = ctc("interop", "--set", pictures, *QUICK, "--out", "out", *arguments)
    assert ended.status == status
    assert says in ended.err
    assert ended.err.count("\n") == 1
    assert not (tmp_path / "out").exists()

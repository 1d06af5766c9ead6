"""The whole pipeline on small pictures: resumption, executors, failures, and that a plug-in is one file."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

import ctc as package
from ctc.picturefiles import write_png
from tests.conftest import Ctc

PROJECT = Path(package.__file__).parent.parent
QUICK = ("--codecs", "jpeg,hevc-x265", "--anchor", "hevc-x265", "--metrics", "psnr_y,psnr_hvs")
TIMINGS = ["encode_s", "decode_s", "encode_peak_bytes", "decode_peak_bytes"]


def without_timings(out: Path) -> tuple[str, str, str]:
    """points.csv without its timing columns, bd.csv and findings.csv, as text."""
    points = pd.read_csv(out / "points.csv", dtype=str, keep_default_na=False).drop(columns=TIMINGS)
    return points.to_csv(index=False), (out / "bd.csv").read_text(), (out / "findings.csv").read_text()


def results_of(store: Path) -> dict[str, int]:
    """Inode of every finished result: a result that was made again would have another."""
    return {
        f"{kind}/{path.name}": path.stat().st_ino
        for kind in ("encode", "decode", "repeat", "score")
        for path in store.glob(f"{kind}/*/*.json")
    }


def command(pictures: Path, folder: Path, *more: str) -> list[str]:
    folders = ["--out", str(folder / "out"), "--cache", str(folder / "store")]
    return [sys.executable, str(PROJECT / "run_ctc.py"), "--set", str(pictures), *folders, *QUICK, *more]


@pytest.fixture
def undisturbed(pictures: Path, tmp_path: Path) -> Path:
    subprocess.run(command(pictures, tmp_path / "undisturbed"), check=True, capture_output=True)
    return tmp_path / "undisturbed"


def test_a_run_writes_every_file_and_a_second_one_computes_nothing(ctc: Ctc, pictures: Path, tmp_path: Path) -> None:
    first = ctc("run", "--set", pictures, "--out", "out", *QUICK)
    assert first.status == 0, first.err
    assert "report: " in first.out
    out = tmp_path / "out"
    names = {
        "points.csv",
        "points.parquet",
        "bd.csv",
        "findings.csv",
        "tools.csv",
        "multibranch.csv",
        "validity.csv",
        "interop.csv",
        "timings.csv",
        "run.json",
        "summary.txt",
        "table.md",
        "tables.tex",
        "report.html",
        "report.xlsx",
    }
    assert {path.name for path in out.iterdir()} == names
    points = pd.read_csv(out / "points.csv")
    assert len(points) == 2 * 2 * 5
    ok = points[points.status == "ok"]
    assert (ok.deviation.abs() <= 0.10).mean() > 0.5
    assert ((ok.bpp - ok.target_bpp) / ok.target_bpp - ok.deviation).abs().max() < 1e-9
    before = {name: (out / name).read_bytes() for name in ("points.csv", "bd.csv", "findings.csv")}
    second = ctc("run", "--set", pictures, "--out", "out", *QUICK)
    assert "0 encodes, 0 decodes and 0 scores made" in second.out
    assert {name: (out / name).read_bytes() for name in before} == before


@pytest.mark.slow
def test_a_new_metric_encodes_nothing(ctc: Ctc, pictures: Path, tmp_path: Path) -> None:
    ctc("run", "--set", pictures, "--out", "out", *QUICK)
    wider = ctc("run", "--set", pictures, "--out", "out", *QUICK[:-1], "psnr_y,psnr_hvs,psnr_u")
    assert wider.status == 0
    found = re.search(r"(\d+) encodes, (\d+) decodes and (\d+) scores made", wider.out)
    assert found is not None
    assert found[1] == "0"
    # Reconstructions are not kept: each is made once more to be scored.
    points = pd.read_csv(tmp_path / "out" / "points.csv")
    assert int(found[2]) == int(found[3]) == points[points.status == "ok"].groupby(["picture", "codec"]).decoded_sha256.nunique().sum()


def test_a_renamed_and_moved_set_encodes_nothing(ctc: Ctc, pictures: Path, tmp_path: Path) -> None:
    ctc("run", "--set", pictures, "--out", "out", *QUICK)
    (pictures / "coffee.png").rename(pictures / "cup.png")
    pictures.rename(tmp_path / "elsewhere")
    moved = ctc("run", "--set", tmp_path / "elsewhere", "--out", "out", *QUICK)
    assert "0 encodes, 0 decodes and 0 scores made" in moved.out


@pytest.mark.slow
def test_killed_runs_resume_to_the_same_tables(pictures: Path, tmp_path: Path, undisturbed: Path) -> None:
    killed = tmp_path / "killed"
    finished: dict[str, int] = {}
    generator = random.Random(2)
    for _ in range(3):
        run = subprocess.Popen(command(pictures, killed), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wanted = len(finished) + generator.randint(2, 12)
        while run.poll() is None and len(results_of(killed / "store")) < wanted:
            time.sleep(0.005)
        run.send_signal(signal.SIGKILL)
        run.wait()
        finished = results_of(killed / "store")
    assert 0 < len(finished) < len(results_of(undisturbed / "store"))
    last = subprocess.run(command(pictures, killed), check=True, capture_output=True, text=True)
    assert without_timings(killed / "out") == without_timings(undisturbed / "out")
    everything = results_of(killed / "store")
    assert everything.keys() == results_of(undisturbed / "store").keys()
    assert {name: everything[name] for name in finished} == finished
    made = re.search(r"(\d+) encodes, \d+ decodes and (\d+) scores made", last.stdout)
    assert made is not None
    left = [name.partition("/")[0] for name in everything.keys() - finished.keys()]
    assert (int(made[1]), int(made[2])) == (left.count("encode"), left.count("score"))


@pytest.mark.slow
def test_local_workers_give_the_same(pictures: Path, tmp_path: Path, undisturbed: Path) -> None:
    subprocess.run(command(pictures, tmp_path / "two", "--workers", "2"), check=True, capture_output=True)
    assert without_timings(tmp_path / "two" / "out") == without_timings(undisturbed / "out")


@pytest.fixture
def scheduler(tmp_path: Path) -> Iterator[str]:
    """A Dask scheduler and two workers, started as a person would start them."""
    file = tmp_path / "scheduler.json"
    log = (tmp_path / "dask.log").open("w")
    dask = [sys.executable, "-m", "dask"]
    started = [
        subprocess.Popen(
            [*dask, "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(file)], stderr=log
        )
    ]
    worker = [*dask, "worker", "--scheduler-file", str(file), "--nthreads", "1", "--no-dashboard", "--local-directory", str(tmp_path)]
    started += [subprocess.Popen(worker, stderr=log) for _ in range(2)]
    deadline = time.monotonic() + 60
    while not file.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    yield json.loads(file.read_text())["address"]
    for process in reversed(started):
        process.terminate()
    for process in started:
        process.wait(30)
    log.close()


@pytest.mark.slow
def test_a_cluster_gives_the_same(pictures: Path, tmp_path: Path, undisturbed: Path, scheduler: str) -> None:
    subprocess.run(command(pictures, tmp_path / "cluster", "--scheduler", scheduler), check=True, capture_output=True)
    assert without_timings(tmp_path / "cluster" / "out") == without_timings(undisturbed / "out")


TOY_CODEC = """
from ctc.complexity.process import run
from ctc.records import Knob, PixelFormat


class Copy:
    name, citation, note, seconds_per_megapixel = "copy", "none", "", 0.1
    pixels = PixelFormat("ppm")
    knob = Knob("setting", 1, 4, integer=True, rate_rises=True, start=((24, 1), (25, 4)))

    def version(self):
        return "1"

    def encode_command(self, source, bitstream, setting):
        return ("cp", str(source), str(bitstream))

    def decode_command(self, bitstream, destination):
        return ("cp", str(bitstream), str(destination))

    def encode(self, source, bitstream, setting):
        return run(self.encode_command(source, bitstream, setting)).cost

    def decode(self, bitstream, destination):
        return run(self.decode_command(bitstream, destination)).cost


CODECS = (Copy(),)
"""
TOY_METRIC = """
from ctc.protocols import Metric
from ctc.records import MetricInfo

INFO = MetricInfo("largest", "largest difference", "1", False, "0 to 1023", "codes", "none", "none")
METRICS = (Metric(INFO, "rgb", lambda reference, peak: lambda distorted: float(abs(reference.astype(int) - distorted).max())),)
"""


@pytest.mark.parametrize("where", ["ctc/anchors", "codecs"])
@pytest.mark.slow
def test_a_codec_and_a_metric_are_one_new_file_each(pictures: Path, tmp_path: Path, where: str) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(PROJECT / "ctc", copy / "ctc")
    shutil.copy(PROJECT / "run_ctc.py", copy)
    shutil.copy(PROJECT / "datasets.yaml", copy)
    (copy / where).mkdir(exist_ok=True)
    (copy / where / "toy_copy.py").write_text(TOY_CODEC)
    (copy / "ctc" / "metrics" / "toy_largest.py").write_text(TOY_METRIC)
    arguments = [
        "--set",
        str(pictures),
        "--codecs",
        "copy",
        "--anchor",
        "copy",
        "--metrics",
        "largest,psnr_y",
        "--rates",
        "24",
        "--out",
        "out",
    ]
    run = subprocess.run(
        [sys.executable, "run_ctc.py", *arguments], cwd=copy, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(copy)}
    )
    assert run.returncode == 0, run.stderr
    points = pd.read_csv(copy / "out" / "points.csv")
    assert points.codec.tolist() == ["copy", "copy"]
    assert points.largest.tolist() == [0, 0]
    assert points.psnr_y.tolist() == [float("inf")] * 2
    assert "copy" in subprocess.run([sys.executable, "run_ctc.py", "--list"], cwd=copy, capture_output=True, text=True).stdout


def fake_ffmpeg(folder: Path, monkeypatch: pytest.MonkeyPatch, behaviour: str) -> None:
    """A program in front of the real ffmpeg that, for pictures 61 samples wide, does `behaviour` instead."""
    from ctc import ffmpeg

    real = ffmpeg.executable()
    program = folder / "ffmpeg"
    program.write_text(f'#!/bin/sh\ncase "$*" in *_61x53_*bitstream*) {behaviour};; esac\nexec {real} "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("CTC_FFMPEG", str(program))


def test_a_tool_that_crashes_on_one_picture(ctc: Ctc, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_ffmpeg(tmp_path, monkeypatch, "echo internal error 7 >&2; kill -SEGV $$")
    ended = ctc("run", "--set", pictures, "--out", "out", *QUICK)
    assert ended.status == 1
    points = pd.read_csv(tmp_path / "out" / "points.csv", keep_default_na=False)
    failed = points[points.status == "failed"]
    assert set(zip(failed.codec, failed.picture, strict=True)) == {("hevc-x265", "coffee")}
    assert len(failed) == 5
    assert failed.reason.str.contains("was killed by signal 11: internal error 7").all()
    assert (points[points.picture == "chelsea"].status != "failed").all()
    page = (tmp_path / "out" / "report.html").read_text()
    assert "internal error 7" in page
    assert "Traceback" not in ended.err + ended.out


def test_a_tool_that_hangs(ctc: Ctc, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_ffmpeg(tmp_path, monkeypatch, "sleep 60")
    started = time.monotonic()
    ended = ctc("run", "--set", pictures, "--out", "out", "--time-limit", "1", "--rates", "0.5", *QUICK)
    assert time.monotonic() - started < 30
    assert ended.status == 1
    assert "failed: hevc-x265 coffee: ffmpeg was stopped: it ran longer than 1 s (--time-limit)" in ended.out


RANDOM_DECODER = """#!{python}
import os, subprocess, sys
if not sys.argv[-1].endswith("decoded"):
    os.execv("{real}", ["{real}", *sys.argv[1:]])
bitstream = sys.argv[sys.argv.index("-i") + 1]
size = len(subprocess.run(["{real}", "-v", "error", "-i", bitstream, "-f", "rawvideo", "-"], capture_output=True).stdout)
with open(sys.argv[-1], "wb") as file:
    file.write(bytes(byte & 1 if place % 2 else byte for place, byte in enumerate(os.urandom(size))))
"""


def test_a_decoder_that_is_not_repeatable_fails_the_gate(ctc: Ctc, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ctc import ffmpeg

    program = tmp_path / "ffmpeg"
    program.write_text(RANDOM_DECODER.format(python=sys.executable, real=ffmpeg.executable()))
    program.chmod(0o755)
    monkeypatch.setenv("CTC_FFMPEG", str(program))
    ended = ctc("run", "--set", pictures, "--out", "out", "--rates", "0.5", "--limit", "1", *QUICK)
    assert ended.status == 3, ended.out + ended.err
    findings = pd.read_csv(tmp_path / "out" / "findings.csv")
    assert ("decoder_repeatability", "error", "hevc-x265") in set(zip(findings["check"], findings.severity, findings.codec, strict=True))


def test_fail_fast_stops_at_the_first_failure(ctc: Ctc, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for copy in range(3):
        shutil.copy(pictures / "coffee.png", pictures / f"coffee{copy}.png")
        shutil.copy(pictures / "chelsea.png", pictures / f"chelsea{copy}.png")
    fake_ffmpeg(tmp_path, monkeypatch, "kill -SEGV $$")
    ended = ctc("run", "--set", pictures, "--out", "out", "--fail-fast", "--rates", "0.5", *QUICK)
    assert ended.status == 1
    found = re.search(r"(\d+) encodes", ended.out)
    assert found is not None
    assert int(found[1]) <= 4
    assert "Not valid" in (tmp_path / "out" / "table.md").read_text()
    (pictures / "broken.png").write_bytes(b"")
    ended = ctc("run", "--set", pictures, "--out", "out", "--fail-fast", *QUICK)
    assert (ended.status, ended.err.startswith("ctc: broken.png: cannot be decoded")) == (1, True)


def test_a_table_without_points_fails_the_gate(ctc: Ctc, pictures: Path) -> None:
    ended = ctc("run", "--set", pictures, "--out", "out", "--rates", "0.001", *QUICK)
    assert ended.status == 3
    assert "not valid" in ended.out


def test_a_worker_with_other_versions_makes_nothing(ctc: Ctc, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ctc.anchors.jpeg import Jpeg

    answers = iter(["1"])
    monkeypatch.setattr(Jpeg, "version", lambda _self: next(answers, "2"))
    ended = ctc("run", "--set", pictures, "--out", "out", "--cache", "store", "--codecs", "jpeg", "--anchor", "jpeg", "--metrics", "psnr_y")
    assert ended.status == 1
    assert "has jpeg '2', the run wants '1'" in ended.out
    assert not (tmp_path / "store" / "encode").exists()


def test_scratch_folders_of_killed_runs_are_removed(ctc: Ctc, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import platform
    import tempfile

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))
    ended = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True)
    mine, gone = (tmp_path / "scratch" / f"ctc-{platform.node()}-{pid}-abc" for pid in (os.getpid(), int(ended.stdout)))
    for folder in (mine, gone):
        folder.mkdir(parents=True)
    ctc("run", "--set", pictures, "--out", "out", "--codecs", "jpeg", "--anchor", "jpeg", "--metrics", "psnr_y", "--rates", "0.5")
    assert mine.exists()
    assert not gone.exists()
    assert list((tmp_path / "scratch").iterdir()) == [mine]


@pytest.mark.slow
def test_every_kind_of_picture_in_one_folder(ctc: Ctc, pictures: Path, tmp_path: Path) -> None:
    import numpy as np
    from PIL import Image

    with Image.open(pictures / "coffee.png") as opened:
        image = opened.convert("RGB")
    image.convert("L").save(pictures / "grey.png")
    image.convert("LA").save(pictures / "grey_alpha.png")
    image.quantize(16).save(pictures / "palette.png")
    image.convert("RGBA").save(pictures / "rgba.png")
    image.convert("CMYK").save(pictures / "cmyk.jpg")
    image.crop((0, 0, 1, 1)).save(pictures / "one.png")
    image.crop((10, 10, 17, 15)).save(pictures / "tiny.png")
    write_png(pictures / "deep.png", np.asarray(image).astype(np.uint16) * 257 + 3)
    image.save(pictures / """it's a "name" <script>alert(1)<script> $(x).png""")
    (pictures / "corrupt.png").write_bytes((pictures / "coffee.png").read_bytes()[:700])
    ended = ctc(
        "run", "--set", pictures, "--out", "out", "--rates", "0.5,40", "--codecs", "jpeg,jpeg2000,hevc-x265", "--anchor", "hevc-x265"
    )
    assert ended.status == 1
    assert "Traceback" not in ended.err + ended.out
    points = pd.read_csv(tmp_path / "out" / "points.csv", keep_default_na=False)
    failed = points[points.status == "failed"]
    assert sorted(failed.picture) == ["cmyk", "corrupt"]
    assert points[points.picture == "cmyk"].reason.item() == "read: cmyk.jpg: is CMYK, not RGB; convert it to RGB first"
    assert "corrupt.png: cannot be decoded" in points[points.picture == "corrupt"].reason.item()
    assert len(points[points.codec != ""]) == 10 * 3 * 2
    one = points[(points.picture == "one") & (points.target_bpp == "0.5")]
    assert set(one.status) == {"unreachable"}
    assert one.reason.str.contains("the lowest rate").all()
    page = (tmp_path / "out" / "report.html").read_text()
    assert "<script>alert(1)" not in page
    tiny = points[(points.picture == "tiny") & (points.status == "ok")]
    assert len(tiny)
    assert tiny.reason.str.contains("vmaf: ").all()
    assert not (points == "nan").any(axis=None)

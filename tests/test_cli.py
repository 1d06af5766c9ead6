"""Wrong use and bad surroundings: one line that says what is wrong and what helps, and the right exit status."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Ctc
from tests.outputs import check_full_standard_output


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (("--codecs", "jpg"), 2, "ctc: unknown codec 'jpg': did you mean jpeg"),
        (("--metrics", "ssim"), 2, "ctc: unknown metric 'ssim': did you mean msssim"),
        (("--anchor", "vvc"), 2, "ctc: unknown codec 'vvc': "),
        (("--set", "tset"), 2, "ctc: --set tset: is neither a set (demo, test, synthetic, hdr, kodak) nor a folder"),
        (("--set", "no/such/folder"), 4, "ctc: --set no/such/folder: there is no such folder"),
        (("--set", "empty"), 4, "empty: there are no pictures in it"),
        (("--images", "x*"), 2, "ctc: --images x*: matches no picture"),
        (("--rates", "0.1,x"), 2, "ctc: --rates 0.1,x: rates are numbers in bpp"),
        (("--rates", "-1"), 2, "ctc: --rates -1: rates lie between"),
        (("--rates", ""), 2, 'ctc: --rates "": rates lie between'),
        (("--workers", "0"), 2, "Invalid value for '--workers': 0 is not in the range"),
        (("--rate-tolerance", "ten"), 2, "Invalid value for '--rate-tolerance': 'ten' is not a valid float"),
        (("--beside", "vm4,vm6"), 2, "ctc: --beside vm6: published tables are known of vm4, vm5; else give a file"),
        (("--beside", "no/such.csv"), 4, "ctc: --beside no/such.csv: there is no such file"),
        (("--colour",), 2, "No such option '--colour'"),
        (("--scheduler", "nowhere"), 2, "an address looks like tcp://host:8786"),
        (("--out", "file"), 2, "ctc: --out file: is a file, not a folder"),
        (("--out", "file/x"), 2, "file/x cannot be written (Not a directory): choose another folder"),
        (("--out", "pictures/nowhere"), 2, "pictures/nowhere cannot be written (No such file or directory): choose another folder"),
    ],
)
def test_wrong_use(ctc: Ctc, pictures: Path, tmp_path: Path, arguments: tuple[str, ...], status: int, says: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    (pictures / "nowhere").symlink_to("no/such/folder")
    sets = () if "--set" in arguments else ("--set", pictures)
    ended = ctc("run", *sets, *arguments)
    assert ended.status == status, ended.err
    assert says in ended.err.replace(str(tmp_path) + "/", "")
    assert "Traceback" not in ended.err
    assert len(ended.err.strip().splitlines()) == 1
    # In the store are the hashes of the pictures where the run came so far.
    assert {path.name for path in tmp_path.iterdir()} - {".cache"} == {"pictures", "empty", "file"}


def test_absent_scheduler(ctc: Ctc, pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ctc import execute

    monkeypatch.setattr(execute, "CONNECT_LIMIT_S", 1)
    ended = ctc("run", "--set", pictures, "--scheduler", "tcp://127.0.0.1:1")
    assert ended.status == 4
    assert "ctc: --scheduler tcp://127.0.0.1:1: no Dask scheduler answers there; start one with `dask scheduler`" in ended.err


def test_unknown_command(ctc: Ctc) -> None:
    ended = ctc("rnu")
    assert ended.status == 2
    assert "No such command 'rnu'" in ended.err


def test_missing_ffmpeg_ends_before_any_work(ctc: Ctc, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CTC_FFMPEG", str(tmp_path / "gone"))
    ended = ctc("run", "--set", pictures)
    assert ended.status == 4
    for name in ("codec hevc-x265", "codec vvc-vvenc", "metric vmaf"):
        assert f"{name}: ffmpeg is missing: {tmp_path}/gone is not a program" in ended.err
    assert "to go on without: --codecs jpeg,jpeg2000,jpegai-sop,jpegai-bop,jpegai-hop --anchor jpegai-hop --metrics msssim," in ended.err
    assert not (tmp_path / "results").exists()
    doctor = ctc("doctor")
    assert doctor.status == 4
    assert "missing  hevc-x265" in doctor.out
    assert "found    jpeg " in doctor.out


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_unwritable_output_folder(ctc: Ctc, pictures: Path, tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    ended = ctc("run", "--set", pictures, "--out", "locked/out")
    assert ended.status == 2
    assert "cannot be written (Permission denied): choose another folder" in ended.err


def test_full_disk_keeps_what_was_finished(ctc: Ctc, pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import errno
    import shutil

    copy, copied = shutil.copyfile, []

    def full_after_three(source: Path, destination: Path) -> None:
        if len(copied) == 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        copied.append(copy(source, destination))

    quick = ("--set", pictures, "--codecs", "jpeg", "--anchor", "jpeg", "--metrics", "psnr_y")
    monkeypatch.setattr(shutil, "copyfile", full_after_three)
    ended = ctc("run", *quick)
    assert ended.status == 1
    assert "is full: free some space and run again; what was finished is kept" in ended.err
    assert len(ended.err.strip().splitlines()) == 1
    monkeypatch.setattr(shutil, "copyfile", copy)
    again = ctc("run", *quick)
    assert again.status == 0
    whole = ctc("run", *quick, "--cache", "other")
    encodes = [int(run.out.split(" encodes,")[0].rsplit("\n", 1)[1]) for run in (again, whole)]
    assert encodes[0] == encodes[1] - 3


def test_ctrl_c_while_modules_load_is_no_traceback(tmp_path: Path) -> None:
    """A module that never ends to load stands for the slow ones."""
    slow = tmp_path / "numpy"
    slow.mkdir()
    (slow / "__init__.py").write_text("import time\nprint('loading', flush=True)\ntime.sleep(60)\n")
    environment = os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}
    script = Path(__file__).parents[1] / "run_ctc.py"
    # What a shell starts in the background ignores the signal, and so do its children, unless they get another handler.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        pipe = subprocess.PIPE
        begun = subprocess.Popen([sys.executable, script, "--list"], env=environment, stdout=pipe, stderr=pipe, text=True)
    finally:
        signal.signal(signal.SIGINT, before)
    assert begun.stdout is not None
    assert begun.stdout.readline() == "loading\n"
    begun.send_signal(signal.SIGINT)
    _, complaint = begun.communicate(timeout=60)
    assert complaint == ""
    assert begun.returncode == -signal.SIGINT


def test_interruption_says_how_to_go_on(ctc: Ctc, pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import run_ctc

    def interrupt(_unit: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(run_ctc, "code_unit", interrupt)
    ended = ctc("run", "--set", pictures, "--codecs", "jpeg", "--anchor", "jpeg", "--metrics", "psnr_y")
    assert ended.status == 130
    assert ended.err.strip() == "ctc: interrupted; a run continues where it was when it is started again"


def test_list_and_doctor_and_help(ctc: Ctc) -> None:
    listed = ctc("run", "--list")
    assert listed.status == 0
    for word in ("demo", "jpeg2000", "hevc-x265", "vvc-vvenc", "psnr_hvs_m", "report.html"):
        assert word in listed.out
    assert "4:2:0" in next(line for line in listed.out.splitlines() if "vvc-vvenc" in line)
    assert ctc("list").out == listed.out
    assert "also with any of its tools, in this order: jpegai-bop+rvs+" in listed.out
    assert "+(quality-map or rdlr)\n" in listed.out
    doctor = ctc("doctor")
    assert doctor.status == 0
    assert "libjpeg-turbo" in doctor.out
    assert "found    vmaf" in doctor.out
    assert "--dry-run" in ctc("run", "--help").out


def test_dry_run_prints_jobs_commands_and_an_estimate_and_does_nothing(ctc: Ctc, pictures: Path, tmp_path: Path) -> None:
    quick = (
        "run",
        "--set",
        pictures,
        "--codecs",
        "jpeg,hevc-x265",
        "--anchor",
        "jpeg",
        "--metrics",
        "psnr_y",
        "--cache",
        "store",
        "--out",
        "out",
    )
    dry = ctc(*quick, "--dry-run")
    assert dry.status == 0
    assert "to do    hevc-x265 coffee 0.25 bpp, from QP 37: " in dry.out
    assert "-qp 37" in dry.out
    assert "20 points, 20 to do (" in dry.out
    assert "minutes on 1 worker" in dry.out
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "store" / "encode").exists()
    ctc(*quick)
    after = ctc(*quick, "--dry-run")
    assert "20 points, 0 to do" in after.out
    assert "to do " not in after.out.replace("0 to do", "")


def test_a_point_can_be_made_again_by_hand(ctc: Ctc, pictures: Path, tmp_path: Path) -> None:
    import pandas as pd

    ctc(
        "run",
        "--set",
        pictures,
        "--codecs",
        "jpeg,hevc-x265",
        "--anchor",
        "jpeg",
        "--metrics",
        "psnr_y",
        "--out",
        "out",
        "--rates",
        "0.5,3",
    )
    points = pd.read_csv(tmp_path / "out" / "points.csv")
    for point in points[(points.status == "ok") & (points.picture == "coffee")].itertuples():
        encoded = ctc("encode", pictures / "coffee.png", "point.bits", "--codec", point.codec, "--setting", point.setting)
        assert encoded.out.startswith(f"{int(point.bytes)} bytes, ")
        # A JPEG file carries its size; the decoder of HEVC gives samples alone.
        for size in ((), ("--size", "61x53"))[point.codec == "hevc-x265" :]:
            decoded = ctc("decode", "point.bits", "point.png", "--codec", point.codec, *size)
            assert decoded.out == f"61x53, decoded samples sha256 {point.decoded_sha256}\n"


def test_single_encode_and_decode_refuse_what_cannot_be(ctc: Ctc, pictures: Path, tmp_path: Path) -> None:
    picture = pictures / "coffee.png"
    before = picture.read_bytes()
    (tmp_path / "linked.png").symlink_to(picture)
    for arguments, status, says in (
        (("encode", picture, "x", "--codec", "hevc-x265", "--setting", "52"), 2, "the QP of hevc-x265 is a whole number from 0 to 51"),
        (("encode", picture, "x", "--codec", "hevc-x265", "--setting", "30.5"), 2, "--setting 30.5: the QP of hevc-x265 is a whole number"),
        (("encode", "gone.png", "x", "--codec", "jpeg", "--setting", "50"), 4, "gone.png: there is no such file"),
        (("encode", picture, picture, "--codec", "jpeg", "--setting", "50"), 2, "is the picture itself"),
        (("decode", picture, picture, "--codec", "jpeg", "--size", "61x53"), 2, "coffee.png: is the bitstream itself; name another file"),
        (("decode", picture, "linked.png", "--codec", "jpeg", "--size", "61x53"), 2, "linked.png: is the bitstream itself"),
        (("decode", picture, "x.png", "--codec", "jpeg", "--size", "0x2"), 2, "--size WIDTHxHEIGHT of the source is needed"),
        (("encode", picture, "gone/x", "--codec", "jpeg", "--setting", "50"), 2, "gone cannot be written"),
        (("decode", "gone", "x.png", "--codec", "jpeg", "--size", "2x2"), 4, "gone: there is no such file"),
        (("decode", picture, "x.png", "--codec", "hevc-x265"), 2, "--size WIDTHxHEIGHT of the source is needed"),
        (("decode", picture, "x.jpg", "--codec", "jpeg", "--size", "2x2"), 2, "give it a name that ends in .png"),
        (("decode", picture, "x.png", "--codec", "jpeg", "--size", "61x53"), 1, "ctc.anchors.jpeg ended with status 1"),
        (("decode", picture, "x.png", "--codec", "jpeg"), 1, "ctc.anchors.jpeg ended with status 1"),
    ):
        ended = ctc(*arguments)
        assert (ended.status, len(ended.err.strip().splitlines())) == (status, 1), ended.err
        assert says in ended.err
    assert not (tmp_path / "x.png").exists()
    assert picture.read_bytes() == before


def test_cache_show(ctc: Ctc, pictures: Path) -> None:
    assert "there is no store" in ctc("cache", "show", "--cache", "gone").err
    ctc("run", "--set", pictures, "--codecs", "jpeg", "--anchor", "jpeg", "--metrics", "psnr_y", "--cache", "store")
    shown = ctc("cache", "show", "--cache", "store").out.splitlines()
    assert [line.split()[0] for line in shown] == ["decode", "encode", "parity", "picture", "repeat", "score"]


def test_standard_output_that_is_full_is_said_in_a_line() -> None:
    check_full_standard_output("ctc.cli", "ctc")

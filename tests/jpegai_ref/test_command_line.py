"""The command line: files in, files out, and one line with an exit status for all that can go wrong."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from jpegai_ref.knob import HIGHEST_QUALITY
from jpegai_ref.picture import Picture
from jpegai_ref.pictures import file_content, read_picture
from jpegai_ref.weights_place import VARIABLE

from tests.conftest import Command, Ended
from tests.jpegai_ref.conftest import refused, write_random_weights
from tests.jpegai_ref.sample_pictures import digest, rgb, ycc


def test_encode_and_decode(jpegai: Command, tmp_path: Path) -> None:
    done = jpegai("encode", "source.png", "a.jai", "--bpp", "2", "--threads", "1")
    assert done.status == 0
    size = (tmp_path / "a.jai").stat().st_size
    assert done.out.startswith(f"{size} bytes, {8 * size / (66 * 70):.4f} bpp, model ")
    for point in ("sop", "bop", "hop"):
        assert jpegai("decode", "a.jai", f"{point}.png", "--op", point, "--threads", "1").status == 0
    decoded = [read_picture(tmp_path / f"{point}.png") for point in ("sop", "bop", "hop")]
    assert {(picture.width, picture.height, picture.bit_depth) for picture in decoded} == {(70, 66, 8)}
    assert len({digest(picture) for picture in decoded}) == 3


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--tools", "rdlr", "--channels", "8,4"), "rdlr does not go together with fewer than all channels"),
        (("--tools", "rdlr", "--roi", "16,16,32,32"), "rdlr does not go together with a region of interest"),
        (("--tools", "rdlr", "--regions", "1x2"), "rdlr does not go together with regions"),
        (("--tools", "rdlr+quality-map"), "rdlr does not go together with the tool quality-map"),
    ],
    ids=["channels", "roi", "regions", "quality-map"],
)
@pytest.mark.parametrize("rate", [("--quality", "900"), ("--bpp", "1")], ids=["quality", "bpp"])
def test_rdlr_alone(jpegai: Command, tmp_path: Path, arguments: tuple[str, ...], reason: str, rate: tuple[str, str]) -> None:
    """A picture that two regions fit in."""
    (tmp_path / "wide.png").write_bytes(file_content(".png", rgb(64, 520)))
    refused(jpegai("encode", "wide.png", "a.jai", *rate, *arguments), 2, "--tools", reason)
    assert not (tmp_path / "a.jai").exists()


def test_tools(jpegai: Command, tmp_path: Path, tool_weights_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refused(jpegai("encode", "source.png", "a.jai", "--quality", "900", "--tools", "lef+foo"), 2, "--tools lef+foo: there is no tool 'foo'")
    refused(jpegai("encode", "source.png", "a.jai", "--quality", "900", "--tools", "lef"), 4, "no constants for lef")
    assert not (tmp_path / "a.jai").exists()
    monkeypatch.setenv(VARIABLE, str(tool_weights_path))
    assert jpegai("encode", "source.png", "a.jai", "--quality", "900", "--tools", "lef+rvs").status == 0
    probed = jpegai("probe", "a.jai").out
    assert "luma block scaling          on" in probed
    assert "sharpening                  steered by channel" in probed
    assert jpegai("decode", "a.jai", "a.png").status == 0


def test_the_first_channels(jpegai: Command, tmp_path: Path) -> None:
    assert jpegai("encode", "source.png", "a.jai", "--quality", "1500").status == 0
    assert jpegai("encode", "source.png", "b.jai", "--quality", "1500", "--channels", "40,7").status == 0
    assert (tmp_path / "b.jai").stat().st_size < (tmp_path / "a.jai").stat().st_size
    probed = jpegai("probe", "b.jai").out
    assert "luma channels               40" in probed
    assert "chroma channels             7" in probed
    pictures = set()
    for channels in (("--channels", "0"), ("--channels", "30,5"), ("--channels", "30"), ("--grey",), ("--grey", "--channels", "30")):
        assert jpegai("decode", "a.jai", "a.png", *channels) == Ended(0, "", "")
        pictures.add((tmp_path / "a.png").read_bytes())
    assert len(pictures) == 5
    assert read_picture(tmp_path / "a.png").colour == "grey"
    assert jpegai("decode", "a.jai", "a.png").status == jpegai("decode", "a.jai", "b.png", "--channels", "128,64").status == 0
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    refused(jpegai("decode", "b.jai", "c.png", "--channels", "41"), 2, "--channels: there are 40 channels of luma, not 41")
    refused(jpegai("encode", "source.png", "c.jai", "--quality", "9", "--channels", "129"), 2, "there are 128 channels of luma, not 129")
    refused(jpegai("encode", "source.png", "c.jai", "--quality", "9", "--channels", "500"), 2, "there are 128 channels of luma, not 500")
    refused(jpegai("encode", "source.png", "c.jai", "--quality", "9", "--channels", "1,500"), 2, "there are 64 channels of chroma, not 500")
    refused(jpegai("decode", "b.jai", "c.png", "--channels", "four"), 2, "--channels four: 'four' is no number of channels")
    refused(jpegai("decode", "b.jai", "c.png", "--channels", "4,4", "--grey"), 2, "--grey decodes no chroma")
    assert not list(tmp_path.glob("c.*"))


def test_what_the_first_channels_take(jpegai: Command, tmp_path: Path) -> None:
    jpegai("encode", "source.png", "a.jai", "--quality", "1500", "--channels", "70")
    plain, more = jpegai("probe", "a.jai").out, jpegai("probe", "a.jai", "--channels").out
    assert more.startswith(plain)
    sizes = {line[:28].rstrip(): int(line[28:].removesuffix(" bytes")) for line in more[len(plain) :].splitlines()}
    names = [f"luma, first {count}" for count in (1, 2, 4, 8, 16, 32, 64, 70)]
    names += [f"chroma, first {count}" for count in (1, 2, 4, 8, 16, 32, 64)]
    assert list(sizes) == names
    assert f"SORP                        {sizes['luma, first 70']} bytes" in plain
    assert f"SORS                        {sizes['chroma, first 64']} bytes" in plain
    for component in ("luma", "chroma"):
        taken = [size for name, size in sizes.items() if name.startswith(component)]
        assert taken == sorted(taken)
    data = (tmp_path / "a.jai").read_bytes()
    (tmp_path / "b.jai").write_bytes(data[:-1])
    refused(jpegai("probe", "b.jai", "--channels"), 1, "b.jai is cut off: the file ends before its EOC; `decode --partial` gives")


def test_a_preview_of_a_file_that_is_cut(jpegai: Command, tmp_path: Path) -> None:
    jpegai("encode", "source.png", "a.jai", "--quality", "1500")
    data = (tmp_path / "a.jai").read_bytes()
    (tmp_path / "b.jai").write_bytes(data[:-50])
    refused(jpegai("decode", "b.jai", "b.png"), 1, "b.jai is cut off: SORS has ", " more; `decode --partial` gives a preview")
    done = jpegai("decode", "b.jai", "b.png", "--partial")
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith("a preview of 128 of 128 channels of luma, 0 of 64 of chroma: SORS has ")
    assert read_picture(tmp_path / "b.png").colour == "rgb"
    assert (
        "a preview of 20 of 128 channels of luma: SORS" in jpegai("decode", "b.jai", "b.png", "--partial", "--grey", "--channels", "20").out
    )
    (tmp_path / "b.jai").write_bytes(data[:30])
    refused(jpegai("decode", "b.jai", "c.png", "--partial"), 1, "b.jai: too little of the file is there to show anything")
    assert jpegai("decode", "a.jai", "c.png", "--partial") == Ended(0, "", "")


def test_regions(jpegai: Command, tmp_path: Path) -> None:
    """A rectangle and a mask that is white there give the same file; levels change it."""
    mask = np.zeros((66, 70), np.uint8)
    mask[16:40, 20:50] = 255
    (tmp_path / "mask.png").write_bytes(file_content(".png", Picture((mask,), 8, "grey")))
    options = (("--roi", "mask.png"), ("--roi", "20,16,30,24"), ("--roi", "20,16,30,24", "--roi-levels", "0,-3"), ())
    files = []
    for option in options:
        assert jpegai("encode", "source.png", "a.jai", "--quality", "1200", *option).status == 0
        files.append((tmp_path / "a.jai").read_bytes())
    assert files[0] == files[1]
    assert len(set(files)) == 3
    (tmp_path / "a.jai").write_bytes(files[0])
    assert "quality map                 5x5, -3 to +6: -3 in 76.0 %, +6 in 24.0 %" in jpegai("probe", "a.jai").out
    assert jpegai("decode", "a.jai", "a.png", "--threads", "2").status == 0
    assert jpegai("encode", "source.png", "a.jai", "--quality", "1200", "--roi", "mask.png", "--tools", "quality-map").status == 0
    assert (tmp_path / "a.jai").read_bytes() not in files


def test_regions_with_what_goes_with_them_and_what_does_not(jpegai: Command, tmp_path: Path) -> None:
    """One region is a division too."""
    options = ("--quality", "1200", "--regions", "1x1", "--roi", "20,16,30,24", "--channels", "40,7")
    assert jpegai("encode", "source.png", "a.jai", *options).status == 0
    probed = jpegai("probe", "a.jai", "--channels").out
    for line in (
        "1x1 (rows x columns) of 70x66, the last 70x66, independent",
        "quality map                 5x5, -3 to +6",
        "luma, first 40",
    ):
        assert line in probed
    assert jpegai("decode", "a.jai", "a.png", "--region", "0", "--channels", "30,5", "--partial") == Ended(0, "", "")
    assert read_picture(tmp_path / "a.png").height == 66
    data = (tmp_path / "a.jai").read_bytes()
    (tmp_path / "b.jai").write_bytes(data[:-50])
    refused(jpegai("decode", "b.jai", "b.png", "--partial"), 1, "b.jai: there are no previews of a picture of regions that is cut off: SOR")
    assert not (tmp_path / "b.png").exists()


@pytest.mark.parametrize(
    ("options", "status", "reason"),
    [
        (("--roi", "small.png"), 1, "the mask small.png has 30x40 samples, the picture 70x66"),
        (("--roi", "black.png"), 1, "the mask black.png has no white"),
        (("--roi", "rubbish"), 1, "rubbish is neither PNG"),
        (("--roi", "missing.png"), 1, "missing.png: No such file"),
        (("--roi", "0,0,71,1"), 2, "--roi: a region of 71x1 at 0,0 is not inside the picture of 70x66"),
        (("--roi", "1,2,3"), 2, "--roi 1,2,3: it is not X,Y,WIDTH,HEIGHT in whole numbers"),
        (("--roi", "-1,2,3,4"), 2, "--roi -1,2,3,4: a rectangle begins inside the picture"),
        (("--roi", "0,0,9,9", "--roi-levels", "9,0"), 2, "--roi-levels 9,0: levels are in -8..8"),
        (("--roi-levels", "6,-3"), 2, "--roi-levels needs --roi"),
    ],
)
def test_regions_that_cannot_be(jpegai: Command, tmp_path: Path, options: tuple[str, ...], status: int, reason: str) -> None:
    (tmp_path / "rubbish").write_bytes(b"rubbish")
    for name, size, value in (("small.png", (40, 30), 255), ("black.png", (66, 70), 1)):
        (tmp_path / name).write_bytes(file_content(".png", Picture((np.full(size, value, np.uint8),), 8, "grey")))
    refused(jpegai("encode", "source.png", "a.jai", "--quality", "900", *options), status, reason)
    assert not (tmp_path / "a.jai").exists()


def test_a_fixed_quality(jpegai: Command, tmp_path: Path) -> None:
    sizes = []
    for quality in ("500", "1500", "2500"):
        assert jpegai("encode", "source.png", "a.jai", "--quality", quality).status == 0
        sizes.append((tmp_path / "a.jai").stat().st_size)
    assert sizes == sorted(set(sizes))


def test_a_target_out_of_reach_is_said(jpegai: Command, tmp_path: Path) -> None:
    """With the file that comes nearest."""
    for bpp, nearest in (("0.0001", "0"), ("1000", str(HIGHEST_QUALITY))):
        missed = jpegai("encode", "source.png", "a.jai", "--bpp", bpp)
        data = (tmp_path / "a.jai").read_bytes()
        assert missed.status == 3
        rate = f"{8 * len(data) / (66 * 70):.4f} bpp"
        assert missed.out.startswith(f"{len(data)} bytes, {rate}, model ")
        assert missed.out.endswith(" % off the target, 1 pass\n")
        assert missed.err == f"jpegai_ref: {float(bpp)} bpp is out of reach: a.jai has {rate}\n"
        assert jpegai("encode", "source.png", "a.jai", "--quality", nearest).status == 0
        assert (tmp_path / "a.jai").read_bytes() == data


def test_raw_pictures(jpegai: Command, tmp_path: Path) -> None:
    (tmp_path / "s_70x66_10bit_420.yuv").write_bytes(file_content(".yuv", ycc(66, 70, 10)))
    assert jpegai("encode", "s_70x66_10bit_420.yuv", "a.jai", "--quality", "1500").status == 0
    assert jpegai("decode", "a.jai", "d_70x66_10bit_420.yuv").status == 0
    assert read_picture(tmp_path / "d_70x66_10bit_420.yuv").subsampling == (2, 2)
    assert jpegai("decode", "a.jai", "d.png").status == 0
    assert read_picture(tmp_path / "d.png").colour == "rgb"
    refused(jpegai("decode", "a.jai", "d.pgm"), 2, "the picture has colour, which a .pgm file cannot hold")
    assert jpegai("decode", "a.jai", "d.pgm", "--grey").status == 0
    assert jpegai("encode", "source.png", "a.jai", "--quality", "1500").status == 0
    refused(jpegai("decode", "a.jai", "e_70x66_8bit_444.yuv"), 2, "the picture is R, G, B, which a raw Y'CbCr file cannot hold")
    assert not list(tmp_path.glob("e_*"))


def test_a_fresh_process(jpegai: Command, tmp_path: Path) -> None:
    """The picture is that of this process; no file of a run that failed is left."""
    assert jpegai("encode", "source.png", "a.jai", "--quality", "1500").status == 0
    assert jpegai("decode", "a.jai", "here.png").status == 0
    done = subprocess.run(
        [sys.executable, "-m", "jpegai_ref", "decode", "a.jai", "there.png", "--threads", "1"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert (tmp_path / "here.png").read_bytes() == (tmp_path / "there.png").read_bytes()


def test_probe_and_info(jpegai: Command, weights_path: Path) -> None:
    jpegai("encode", "source.png", "a.jai", "--quality", "1500")
    assert "70x66, 8 bit" in jpegai("probe", "a.jai").out
    info = jpegai("info").out
    assert str(weights_path) in info
    assert "bop decoder" in info


@pytest.mark.parametrize(
    ("arguments", "status", "reasons"),
    [
        (("encode", "source.png", "a.jai"), 2, ("--bpp or --quality",)),
        (("encode", "source.png", "a.jai", "--bpp", "1", "--quality", "5"), 2, ("--bpp or --quality",)),
        (("encode", "source.png", "a.jai", "--bpp", "0"), 2, ("--bpp",)),
        (("encode", "source.png", "a.jai", "--bpp", "nan"), 2, ("--bpp",)),
        (("encode", "source.png", "a.jai", "--bpp", "1e-320"), 2, ("0.0001<=x<=1000",)),
        (("encode", "source.png", "a.jai", "--quality", "-1"), 2, (f"0<=x<={HIGHEST_QUALITY}",)),
        (("encode", "source.png", "a.jai", "--quality", "9", "--threads", "257"), 2, ("1<=x<=256",)),
        (("encode", "source.png", "a.jai", "--quality", str(HIGHEST_QUALITY + 1)), 2, (f"0<=x<={HIGHEST_QUALITY}",)),
        (("encode", "missing.png", "a.jai", "--bpp", "1"), 1, ("missing.png", "No such file")),
        (("encode", "rubbish", "a.jai", "--bpp", "1"), 1, ("rubbish", "neither PNG")),
        (("encode", "source.png", "nowhere/a.jai", "--quality", "9"), 2, ("nowhere/a.jai cannot be written: there is no such folder",)),
        (("encode", "source.png", "a" * 300, "--quality", "9"), 1, ("aaa: File name too long",)),
        (("encode", "source.png", ".", "--quality", "9"), 2, (". cannot be written: it is a folder",)),
        (("encode", "missing.png", "nowhere/a.jai", "--quality", "9"), 2, ("nowhere/a.jai cannot be written",)),
        (("decode", "missing.jai", "nowhere/a.png"), 2, ("nowhere/a.png cannot be written: there is no such folder",)),
        (("decode", "missing.jai", "a.png"), 1, ("missing.jai", "No such file")),
        (("decode", "rubbish", "a.png"), 1, ("rubbish: ", "no marker of a JPEG AI codestream")),
        (("decode", "empty", "a.png"), 1, ("empty: this is no JPEG AI codestream\n",)),
        (("decode", "source.png", "a.jpg"), 2, ("not as .jpg",)),
        (("decode", "source.png", "a"), 2, ("not as a file without suffix",)),
        (("decode", "source.png", "a.png", "--op", "vop"), 2, ("vop",)),
        (("decode", "source.png", "a.png", "--threads", "0"), 2, ("--threads",)),
        (("decode", "."), 2, ("OUT",)),
        (("decode", ".", "a.png"), 1, ("Is a directory",)),
        (("probe", "rubbish"), 1, ("rubbish: ", "no marker")),
        (("frobnicate",), 2, ("frobnicate",)),
    ],
)
def test_mistakes(jpegai: Command, tmp_path: Path, arguments: tuple[str, ...], status: int, reasons: tuple[str, ...]) -> None:
    (tmp_path / "rubbish").write_bytes(b"rubbish" * 50)
    (tmp_path / "empty").write_bytes(b"")
    before = sorted(tmp_path.rglob("*"))
    refused(jpegai(*arguments), status, *reasons)
    assert sorted(tmp_path.rglob("*")) == before


def same_place(folder: Path) -> list[str]:
    """Names of source.png, in this folder: spellings, links of both kinds, a link to a link and one in a folder that is a link."""
    (folder / "soft.png").symlink_to("source.png")
    (folder / "further.png").symlink_to(folder / "soft.png")
    (folder / "hard.png").hardlink_to(folder / "source.png")
    (folder / "sub").mkdir()
    (folder / "here").symlink_to(".")
    return ["source.png", "sub/../source.png", str(folder / "source.png"), "soft.png", "further.png", "hard.png", "here/soft.png"]


def test_no_input_is_overwritten(jpegai: Command, tmp_path: Path) -> None:
    places = same_place(tmp_path)
    before = (tmp_path / "source.png").read_bytes()
    for one in places:
        refused(jpegai("encode", "source.png", one, "--quality", "9"), 2, f"{one} is an input too")
        refused(jpegai("encode", one, "source.png", "--quality", "9"), 2, "source.png is an input too")
        refused(jpegai("decode", one, "source.png"), 2, "source.png is an input too")
        refused(jpegai("encode", "other.png", one, "--quality", "9", "--roi", "source.png"), 2, f"{one} is an input too")
        assert (tmp_path / "source.png").read_bytes() == before
    assert jpegai("encode", "source.png", "a.jai", "--quality", "9").status == 0
    (tmp_path / "b.jai").write_bytes(b"replaced")
    assert jpegai("encode", "source.png", "b.jai", "--quality", "9").status == 0
    assert (tmp_path / "a.jai").read_bytes() == (tmp_path / "b.jai").read_bytes()


def test_cut_and_altered_files(jpegai: Command, tmp_path: Path) -> None:
    jpegai("encode", "source.png", "a.jai", "--quality", "1500")
    data = (tmp_path / "a.jai").read_bytes()
    for content, reason in (
        (data[:-1], "b.jai is cut off: "),
        (data[: len(data) // 2], "b.jai is cut off: "),
        (data[:3], "b.jai is cut off: "),
        (data + b"\0", "b.jai: 1 byte follows the EOC"),
        (data.replace(b"\xff\x88", b"\xff\x99", 1), "b.jai: 0xff99 is no marker"),
    ):
        (tmp_path / "b.jai").write_bytes(content)
        refused(jpegai("decode", "b.jai", "b.png"), 1, reason)
        assert not (tmp_path / "b.png").exists()


def test_other_weights(jpegai: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    jpegai("encode", "source.png", "a.jai", "--quality", "1500")
    write_random_weights(tmp_path / "other.safetensors", 2)
    monkeypatch.setenv(VARIABLE, str(tmp_path / "other.safetensors"))
    refused(jpegai("decode", "a.jai", "a.png"), 1, "a.jai: the stream was made with the weights", "these are")


def test_weights_that_are_not_there(jpegai: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder, reason in (("none", "there are no weights in"), ("two", "holds 2 files"), ("bad", "holds no weights")):
        (tmp_path / folder).mkdir()
        monkeypatch.setenv(VARIABLE, str(tmp_path / folder))
        for index in range({"none": 0, "two": 2, "bad": 1}[folder]):
            (tmp_path / folder / f"{index}.safetensors").write_bytes(b"x")
        refused(jpegai("encode", "source.png", "a.jai", "--bpp", "1"), 4, reason)


def test_no_gpu(jpegai: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    refused(jpegai("encode", "source.png", "a.jai", "--bpp", "1", "--device", "cuda"), 4, "no GPU")


def test_train_passes_its_options_on(jpegai: Command, tmp_path: Path) -> None:
    ended = jpegai("train", "--data", str(tmp_path / "none"), "--out", str(tmp_path / "out"), "--minutes", "0.01", "--steps", "5")
    assert ended.status == 1
    assert "none is no folder of pictures" in ended.err

"""VTM, HM and SCM, found, asked and run: with stand-ins that behave as the real programs were seen to behave."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from skimage import data

from ctc import pixels, plugins
from ctc.anchors import _programs
from ctc.bench import Bench, Source
from ctc.coding import unsupported
from ctc.complexity.process import time_limit
from ctc.doctor import examine
from ctc.errors import ToolFailed, ToolMissing
from ctc.picturefiles import write_png
from ctc.protocols import Codec, External
from ctc.records import Picture
from ctc.store import Store
from tests.anchors import stand_ins
from tests.conftest import Ctc


@dataclass(frozen=True)
class Family:
    codec: str
    variable: str
    banner: str
    encoder: str
    decoder: str
    configuration: str


VTM = Family(
    "vvc-vtm", "CTC_VTM", "VVCSoftware: VTM Encoder Version 11.1 [Linux][GCC 12.2.0][64 bit] [SIMD=AVX2] ",
    "EncoderAppStatic", "DecoderAppStatic", "encoder_intra_vtm.cfg",
)  # fmt: skip
HM = Family(
    "hevc-hm", "CTC_HM", "HM software: Encoder Version [16.20] (including RExt)[Linux][GCC 12.2.0][64 bit] ",
    "TAppEncoderStatic", "TAppDecoderStatic", "encoder_intra_main_rext.cfg",
)  # fmt: skip
SCM = Family(
    "hevc-scm", "CTC_SCM", "HM software: Encoder Version [16.20_SCM8.8] (including RExt)[Linux][GCC 12.2.0][64 bit] ",
    "TAppEncoderStatic", "TAppDecoderStatic", "encoder_intra_main_scc.cfg",
)  # fmt: skip
FAMILIES = pytest.mark.parametrize("family", [VTM, HM, SCM], ids=lambda family: family.codec)
RGB = np.ascontiguousarray(data.coffee()[180:233, 200:261])


@pytest.fixture(autouse=True)
def none_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As on a machine without any of the programs."""
    for family in (VTM, HM, SCM):
        monkeypatch.delenv(family.variable, raising=False)
        monkeypatch.delenv(f"{family.variable}_CONFIG", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))


def tree(folder: Path, family: Family, banner: str = "", build: str = "") -> Path:
    """What a build of the sources leaves behind; returns the folder of the sources. `build` makes another file of the same program."""
    banner = banner or family.banner
    stand_ins.program(folder / "bin" / family.encoder, stand_ins.JVT_ENCODER + f"# {build}\n", banner=banner)
    stand_ins.program(folder / "bin" / family.decoder, stand_ins.JVT_DECODER, banner=banner.replace("Encoder", "Decoder"))
    (folder / "cfg").mkdir()
    (folder / "cfg" / family.configuration).write_text("IntraPeriod : 1\n")
    return folder


def codec_in(monkeypatch: pytest.MonkeyPatch, folder: Path, family: Family, **built: str) -> Codec:
    monkeypatch.setenv(family.variable, str(tree(folder, family, **built)))
    return plugins.codecs()[family.codec]


@FAMILIES
def test_what_is_coded_is_decoded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, family: Family) -> None:
    codec = codec_in(monkeypatch, tmp_path / "tree", family)
    monkeypatch.chdir(tmp_path)
    source = pixels.write_source(RGB, codec.pixels, tmp_path)
    cost = codec.encode(source, tmp_path / "bitstream", 7)
    assert cost.wall_s > 0
    codec.decode(tmp_path / "bitstream", tmp_path / "decoded")
    decoded = pixels.read_decoded(tmp_path / "decoded", codec.pixels, 61, 53, 8)
    assert np.abs(decoded.astype(int) - RGB).mean() < 2
    assert not (tmp_path / "rec.yuv").exists()


@FAMILIES
def test_command_lines(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, family: Family) -> None:
    codec = codec_in(monkeypatch, tmp_path / "tree", family)
    encode = codec.encode_command(Path("source_61x53_10bit_444.yuv"), Path("out.bin"), 37.0)
    assert encode[0] == str(tmp_path / "tree" / "bin" / family.encoder)
    line = " ".join(encode)
    for part in (
        f"-c {tmp_path}/tree/cfg/{family.configuration} -i source_61x53_10bit_444.yuv -wdt 61 -hgt 53 -b out.bin -o /dev/null",
        "-f 1 -fr 25",
        " -q 37 ",
        "--FrameSkip=0",
        "--InputBitDepth=10 --InputChromaFormat=444 --ChromaFormatIDC=444 --Level=6.2 --ConformanceWindowMode=1",
    ):
        assert part in line
    decode = codec.decode_command(Path("out.bin"), Path("decoded"))
    assert decode == (str(tmp_path / "tree" / "bin" / family.decoder), "-d", "10", "-b", "out.bin", "-o", "decoded")


@FAMILIES
def test_streams_say_what_hdr_samples_are(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, family: Family) -> None:
    codec = codec_in(monkeypatch, tmp_path / "tree", family)
    assert plugins.codec_for_depth(codec, 10) is codec
    assert not unsupported(codec, "pq")
    plain, hdr = (codec.encode_command(Path(f"source_61x53_10bit_444{kind}.yuv"), Path("out.bin"), 37.0) for kind in ("", "_pq"))
    added = [argument for argument in hdr if argument not in plain]
    # BT.2020, PQ, BT.2020 with non-constant luminance: code points of ITU-T H.273.
    assert {"--ColourPrimaries=9", "--TransferCharacteristics=16", "--MatrixCoefficients=9", "--VideoFullRange=1"} <= set(added)
    assert ("--VideoSignalTypePresent=1" in added) == (family.codec != "vvc-vtm")
    assert not any("QP" in argument for argument in added)


def test_what_the_published_configuration_needs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    source, bitstream = Path("source_61x53_10bit_444.yuv"), Path("out.bin")
    scm = codec_in(monkeypatch, tmp_path / "scm", SCM).encode_command(source, bitstream, 37)
    # SCM 8.8 refuses a width of 3 without hashes inside one of 2, as it is published.
    assert scm[scm.index("--IntraBlockCopySearchWidthInCTUs=3") + 1] == "--IntraBlockCopyNonHashSearchWidthInCTUs=1"
    assert {"--InternalBitDepth=10", "--CbQpOffset=6", "--CrQpOffset=6"} <= set(scm)
    hm = codec_in(monkeypatch, tmp_path / "hm", HM).encode_command(source, bitstream, 37)
    assert not any("QpOffset" in argument or "BlockCopy" in argument for argument in hm)
    vtm = codec_in(monkeypatch, tmp_path / "vtm", VTM).encode_command(source, bitstream, 37)
    assert "--TemporalSubsampleRatio=1" in vtm


@FAMILIES
def test_the_version_names_program_and_configuration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, family: Family) -> None:
    version = codec_in(monkeypatch, tmp_path / "one", family).version()
    assert {"vvc-vtm": "VTM 11.1, ", "hevc-hm": "HM 16.20, ", "hevc-scm": "HM+SCM 16.20_SCM8.8, "}[family.codec] in version
    for built in ("encoder", "decoder", family.configuration):
        assert f"{built} " in version
    shutil.copytree(tmp_path / "one", tmp_path / "moved")
    monkeypatch.setenv(family.variable, str(tmp_path / "moved"))
    codec = plugins.codecs()[family.codec]
    assert codec.version() == version
    other = codec_in(monkeypatch, tmp_path / "two", family, build="another compiler")
    assert other.version() != version
    (tmp_path / "moved" / "cfg" / family.configuration).write_text("IntraPeriod : 2\n")
    monkeypatch.setenv(family.variable, str(tmp_path / "moved"))
    assert codec.version() != version


@FAMILIES
def test_found_on_path_or_by_either_variable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, family: Family) -> None:
    folder = tree(tmp_path / "tree", family)
    codec = plugins.codecs()[family.codec]
    assert isinstance(codec, External)
    monkeypatch.setenv("PATH", str(folder / "bin"))
    assert codec.locate() == folder / "bin" / family.encoder
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / family.encoder).symlink_to(folder / "bin" / family.encoder)
    monkeypatch.setenv("PATH", str(tmp_path / "links"))
    # Decoder and configuration are those of the tree that the link leads to.
    assert codec.decode_command(Path("a"), Path("b"))[0] == str(folder / "bin" / family.decoder)
    assert str(folder / "cfg" / family.configuration) in codec.encode_command(Path("s_8x8_10bit_444.yuv"), Path("b"), 30)
    monkeypatch.setenv("PATH", "")
    for named in (folder, folder / "bin", folder / "bin" / family.encoder):
        monkeypatch.setenv(family.variable, str(named))
        assert codec.locate() == folder / "bin" / family.encoder
    deep = folder / "bin" / "umake" / "gcc-12.2" / "x86_64" / "release"
    deep.mkdir(parents=True)
    for name in (family.encoder, family.decoder):
        (folder / "bin" / name).rename(deep / name.removesuffix("Static"))
    monkeypatch.setenv(family.variable, str(folder))
    assert codec.locate() == deep / family.encoder.removesuffix("Static")
    own = tmp_path / "own.cfg"
    own.write_text("IntraPeriod : 1\n")
    monkeypatch.setenv(f"{family.variable}_CONFIG", str(own))
    assert str(own) in codec.encode_command(Path("s_8x8_10bit_444.yuv"), Path("b"), 30)
    assert "own.cfg " in codec.version()


def refusal(codec: Codec) -> str:
    with pytest.raises(ToolMissing) as caught:
        codec.version()
    message = str(caught.value)
    assert "\n" not in message
    return message


@FAMILIES
def test_what_is_missing_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, family: Family) -> None:
    codec = plugins.codecs()[family.codec]
    assert f"there is no such program on PATH ({family.encoder}, " in refusal(codec)
    assert f"and set {family.variable} to its folder" in refusal(codec)
    monkeypatch.setenv(family.variable, str(tmp_path / "nothing"))
    assert f"at {family.variable}={tmp_path}/nothing; build " in refusal(codec)
    folder = tree(tmp_path / "tree", family)
    monkeypatch.setenv(family.variable, str(folder))
    monkeypatch.setenv(f"{family.variable}_CONFIG", str(tmp_path / "none.cfg"))
    assert f"{family.variable}_CONFIG={tmp_path}/none.cfg is no file; set it to {family.configuration}" in refusal(codec)
    monkeypatch.delenv(f"{family.variable}_CONFIG")
    (folder / "cfg" / family.configuration).unlink()
    assert f"has {family.configuration} or cfg/{family.configuration}; set {family.variable}_CONFIG to that file" in refusal(codec)
    (folder / "cfg" / family.configuration).write_text("IntraPeriod : 1\n")
    (folder / "bin" / family.decoder).unlink()
    assert f"there is no {family.decoder} or {family.decoder.removesuffix('Static')}" in refusal(codec)


def test_programs_of_the_same_name_are_told_apart(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for family, other in ((HM, SCM), (SCM, HM), (VTM, HM)):
        folder = tmp_path / family.codec
        stand_ins.program(folder / family.encoder, stand_ins.JVT_ENCODER, banner=other.banner)
        monkeypatch.setenv(family.variable, str(folder))
        assert f"{folder / family.encoder} does not answer as " in refusal(plugins.codecs()[family.codec])


def test_too_old(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for family, old, said in (
        (VTM, VTM.banner.replace("11.1", "9.3"), "VTM 9.3 at "),
        (HM, HM.banner.replace("16.20", "16.9"), "HM 16.9 at "),
        (SCM, SCM.banner.replace("8.8", "8.7"), "HM+SCM 16.20_SCM8.7 at "),
    ):
        codec = codec_in(monkeypatch, tmp_path / family.codec, family, banner=old)
        assert said in refusal(codec)
        assert f"is older than {'.'.join(map(str, _oldest(codec)))}: set {family.variable} to" in refusal(codec)
    later = codec_in(monkeypatch, tmp_path / "later", VTM, banner=VTM.banner.replace("11.1", "23.4"))
    assert "VTM 23.4, " in later.version()


def _oldest(codec: Any) -> tuple[int, ...]:
    return tuple(codec.software.oldest)


def test_a_program_that_hangs_or_crashes_when_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(_programs, "PROBE_LIMIT_S", 0.5)
    for name, body in (("hangs", "time.sleep(60)"), ("crashes", "os.abort()"), ("nothing", "")):
        folder = tmp_path / name
        stand_ins.program(folder / VTM.encoder, body)
        monkeypatch.setenv(VTM.variable, str(folder))
        assert "does not answer as VTM, it says nothing; build VTM 11.1" in refusal(plugins.codecs()["vvc-vtm"])


def test_a_program_that_was_silent_is_not_waited_for_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(_programs, "PROBE_LIMIT_S", 0.5)
    stand_ins.program(tmp_path / VTM.encoder, "time.sleep(60)")
    monkeypatch.setenv(VTM.variable, str(tmp_path))
    first = refusal(plugins.codecs()["vvc-vtm"])
    monkeypatch.setattr(_programs, "PROBE_LIMIT_S", 60)
    began = time.monotonic()
    assert refusal(plugins.codecs()["vvc-vtm"]) == first
    assert time.monotonic() - began < 30


def test_a_program_that_goes_on_behind_its_banner_is_stopped(tmp_path: Path) -> None:
    words = "for part in ('Version [11', '.1]', chr(10)):\n    print(part, end='', flush=True)\n    time.sleep(0.2)\n"
    stand_ins.program(tmp_path / "talks", words + "time.sleep(60)\nprint('more')")
    began = time.monotonic()
    assert _programs.printed(tmp_path / "talks", until=r"Version (\S+)") == "Version [11.1]"
    assert time.monotonic() - began < 20


@FAMILIES
def test_failures(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, family: Family) -> None:
    codec = codec_in(monkeypatch, tmp_path / "tree", family)
    source = pixels.write_source(RGB, codec.pixels, tmp_path)
    source.write_bytes(source.read_bytes()[:-2])
    with pytest.raises(ToolFailed, match=f"^{family.encoder}: Error: input is too short$"):
        codec.encode(source, tmp_path / "bitstream", 30)
    (tmp_path / "rubbish").write_bytes(b"rubbish" * 9)
    (tmp_path / "decoded").write_bytes(b"of the picture before")
    ending = "was killed by signal 11: Warning" if family is VTM else "ended well but decoded no picture: Total Time"
    with pytest.raises(ToolFailed, match=f"{family.decoder} {ending}") as caught:
        codec.decode(tmp_path / "rubbish", tmp_path / "decoded")
    assert caught.value.command[0] == str(tmp_path / "tree" / "bin" / family.decoder)
    encoder = tmp_path / "tree" / "bin" / family.encoder
    body = stand_ins.JVT_ENCODER.replace('os.path.getsize(value("-b"))', "8779")
    stand_ins.program(encoder, body, banner=family.banner)
    source = pixels.write_source(RGB, codec.pixels, tmp_path)
    with pytest.raises(ToolFailed, match=f"{family.encoder} says that it wrote 8779 bytes, but its file has .* is the disk full"):
        codec.encode(source, tmp_path / "bitstream", 30)
    body = stand_ins.JVT_ENCODER.replace("width, height, qp", "time.sleep(60)\nwidth, height, qp")
    stand_ins.program(encoder, body, banner=family.banner)
    with time_limit(0.5), pytest.raises(ToolFailed, match=rf"{family.encoder} was stopped: it ran longer than 0.5 s \(--time-limit\)"):
        codec.encode(source, tmp_path / "bitstream", 30)


def test_the_store_tells_two_versions_apart(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    write_png(tmp_path / "coffee.png", RGB)
    picture = Picture("set", "coffee", str(tmp_path / "coffee.png"), 61, 53, 8, "", pixels.sample_hash(RGB))
    store = Store(tmp_path / "store")

    def encodes(folder: Path) -> tuple[int, int]:
        """(run, reused) for one bitstream and its decoding."""
        monkeypatch.setenv("CTC_VTM", str(folder))
        with Bench(Source(picture), "vvc-vtm", plugins.codecs()["vvc-vtm"].version(), store, may_run=True) as bench:
            bench.decoded(37)
            return bench.counts.encodes_run, bench.counts.encodes_reused

    first = tree(tmp_path / "first", VTM)
    second = tree(tmp_path / "second", VTM, banner=VTM.banner.replace("11.1", "23.4"))
    assert encodes(first) == (1, 0)
    assert encodes(second) == (1, 0)
    assert encodes(first) == (0, 1)
    assert encodes(second) == (0, 1)
    # The same build in another place is the same codec.
    moved = first.rename(tmp_path / "moved")
    assert encodes(moved) == (0, 1)
    with (moved / "cfg" / VTM.configuration).open("a") as settings:
        settings.write("RDOQ : 0\n")
    assert encodes(moved) == (1, 0)


def test_doctor_says_where_it_is_or_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    encoder = tree(tmp_path / "tree", VTM) / "bin" / VTM.encoder
    monkeypatch.setenv("CTC_VTM", str(tmp_path / "tree"))
    lines, _ = examine()
    found = {line.split()[1]: line for line in lines if line.startswith(("  found", "  missing"))}
    assert found["vvc-vtm"].startswith("  found")
    assert found["vvc-vtm"].endswith(f" at {encoder}")
    assert found["hevc-scm"].startswith("  missing")
    assert "build HM 16.20+SCM 8.8" in found["hevc-scm"]


def test_list_says_where_it_is_or_how_to_get_it(ctc: Ctc, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    encoder = tree(tmp_path / "tree", VTM) / "bin" / VTM.encoder
    monkeypatch.setenv("CTC_VTM", str(tmp_path / "tree"))
    lines = [line.strip() for line in ctc("list").out.splitlines()]
    assert f"found at {encoder}" in lines
    assert any(line.startswith("HM is missing: ") and line.endswith("set CTC_HM to its folder") for line in lines)


def test_a_run_without_it_says_so_before_it_begins(ctc: Ctc, tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    write_png(tmp_path / "set" / "coffee.png", RGB)
    ended = ctc("run", "--set", "set", "--codecs", "jpeg,vvc-vtm", "--metrics", "psnr_y")
    assert ended.status == 4
    assert "codec vvc-vtm: VTM is missing: there is no such program on PATH" in ended.err
    assert "to go on without: --codecs jpeg --anchor jpeg" in ended.err

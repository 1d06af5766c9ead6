"""JPEG XT, Kakadu and the JPEG AI reference software: with stand-ins that behave as they were seen, or are documented, to behave."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from skimage import data

from ctc import pixels, plugins
from ctc.bench import Bench, Source
from ctc.coding import unsupported
from ctc.complexity.process import time_limit
from ctc.errors import ToolFailed, ToolMissing, UsageError
from ctc.light import on_pq_grid
from ctc.picturefiles import write_png
from ctc.protocols import Codec, External, SharesBitstreams
from ctc.ratecontrol import RateSearch
from ctc.records import Picture
from ctc.store import Store
from tests.anchors import stand_ins

RGB = np.ascontiguousarray(data.coffee()[180:233, 200:261])
SOURCE, BITS, DECODED = Path("source.ppm"), Path("out.bits"), Path("decoded")
VARIABLES = ("CTC_JPEG_XT", "CTC_KAKADU", "CTC_JPEGAI_VM", "CTC_JPEGAI_VM_PYTHON", "CTC_JPEGAI_VM_ENCODER", "CUDA_VISIBLE_DEVICES")
KAKADU = pytest.mark.parametrize("name", ["jpeg2000-kakadu", "jpeg2000-kakadu-visual"])


@pytest.mark.parametrize("name", ["jpeg-xt", "jpegai-vm"])
def test_hdr_pictures_are_not_for_codecs_of_8_bits(name: str) -> None:
    codec = plugins.codec_for_depth(plugins.codecs()[name], 10)
    assert unsupported(codec, "pq") == f"is HDR (PQ of 10 bits), {name} codes 8 bits"
    assert unsupported(codec, "sdr") == ""


@pytest.fixture(autouse=True)
def none_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture
def jpeg_xt(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Codec:
    stand_ins.program(tmp_path / "xt" / "jpeg", stand_ins.JPEG_XT)
    monkeypatch.setenv("CTC_JPEG_XT", str(tmp_path / "xt"))
    return plugins.codecs()["jpeg-xt"]


@pytest.fixture
def kakadu(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    for name in ("kdu_compress", "kdu_expand"):
        stand_ins.program(tmp_path / "kdu" / name, stand_ins.KAKADU, version="8.0.5")
    monkeypatch.setenv("CTC_KAKADU", str(tmp_path / "kdu"))
    return tmp_path / "kdu"


@pytest.fixture
def software(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("CTC_JPEGAI_VM", str(tmp_path / "vm"))
    monkeypatch.setenv("CTC_JPEGAI_VM_PYTHON", sys.executable)
    return stand_ins.jpeg_ai_software(tmp_path / "vm")


def on_gpu(monkeypatch: pytest.MonkeyPatch, folder: Path, answer: str = "NVIDIA H200, CUDA 12.8") -> None:
    """The software's Python sees such a GPU, or with an empty answer none."""
    python = stand_ins.python_that_sees(folder / f"python {answer}".replace(",", ""), answer)
    monkeypatch.setenv("CTC_JPEGAI_VM_PYTHON", str(python))


def coded(codec: Codec, folder: Path, setting: float) -> tuple[int, pixels.Rgb]:
    """Bytes of the bitstream, and the reconstruction."""
    source = pixels.write_source(RGB, codec.pixels, folder)
    codec.encode(source, folder / "bitstream", setting)
    codec.decode(folder / "bitstream", folder / "decoded")
    return (folder / "bitstream").stat().st_size, pixels.read_decoded(folder / "decoded", codec.pixels, 61, 53, 8)


def refusal(call: Callable[[], object]) -> str:
    with pytest.raises(ToolMissing) as caught:
        call()
    message = str(caught.value)
    assert "\n" not in message
    return message


# JPEG XT


def test_jpeg_xt(jpeg_xt: Codec, tmp_path: Path) -> None:
    size, decoded = coded(jpeg_xt, tmp_path, 100)
    assert np.array_equal(decoded, RGB)
    assert size > coded(jpeg_xt, tmp_path, 40)[0]
    assert jpeg_xt.version().startswith("JPEG XT (copyright 2012-2018, program ")
    encode = jpeg_xt.encode_command(SOURCE, BITS, 75.0)
    assert encode[1:] == ("-q", "75", "-h", "-qt", "3", "-s", "1x1,2x2,2x2", "source.ppm", "out.bits")
    assert jpeg_xt.decode_command(BITS, DECODED)[1:] == ("out.bits", "decoded")


def test_jpeg_xt_fails_with_status_0(jpeg_xt: Codec, tmp_path: Path) -> None:
    (tmp_path / "rubbish").write_bytes(b"rubbish")
    with pytest.raises(ToolFailed, match=r"^jpeg: reading a JPEG file failed - error -1038 - .*SOI marker missing$"):
        jpeg_xt.decode(tmp_path / "rubbish", tmp_path / "decoded")
    with pytest.raises(ToolFailed, match=r"^jpeg: unable to open the input file: No such file"):
        jpeg_xt.encode(tmp_path / "nothing.ppm", tmp_path / "bitstream", 50)


def test_another_program_called_jpeg(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    codec = plugins.codecs()["jpeg-xt"]
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "no such program on PATH (jpeg, jpegxt); build it" in refusal(codec.version)
    stand_ins.program(tmp_path / "jpeg", "print('usage: jpeg FILE')")
    assert f"{tmp_path / 'jpeg'} does not answer as JPEG XT, it says 'usage: jpeg FILE'; build it" in refusal(codec.version)


# Kakadu


@pytest.mark.usefixtures("kakadu")
@KAKADU
def test_kakadu(tmp_path: Path, name: str) -> None:
    codec = plugins.codecs()[name]
    assert np.array_equal(coded(codec, tmp_path, 24)[1], RGB)
    assert not (tmp_path / "decoded.ppm").exists()
    assert coded(codec, tmp_path, 1.0)[0] == 61 * 53 // 8
    assert codec.version().startswith("Kakadu 8.0.5, kdu_compress ")


@pytest.mark.usefixtures("kakadu")
@KAKADU
def test_kakadu_codes_deep_pictures_through_tiff(tmp_path: Path, name: str) -> None:
    plain = plugins.codecs()[name]
    codec = plugins.codec_for_depth(plain, 10)
    assert unsupported(codec, "pq") == ""
    assert codec.version() == f"{plain.version()}, 16 bits"
    rgb = on_pq_grid(np.random.default_rng(7).random((53, 61, 3)))
    source = pixels.write_source(rgb, codec.pixels, tmp_path, "pq")
    codec.encode(source, tmp_path / "bitstream", 48)
    codec.decode(tmp_path / "bitstream", tmp_path / "decoded")
    assert np.array_equal(pixels.read_decoded(tmp_path / "decoded", codec.pixels, 61, 53, 16, "pq"), rgb)
    encode, decode = codec.encode_command(SOURCE, BITS, 0.25), codec.decode_command(BITS, DECODED)
    assert (encode[1:7], decode[1:5]) == (("-i", "source.tif", "-o", "out.bits", "-rate", "0.25"), ("-i", "out.bits", "-o", "decoded.tif"))
    assert ("-no_weights" in encode) == (name == "jpeg2000-kakadu")


def test_kakadus_labels_are_not_swapped(kakadu: Path) -> None:
    plain, visual = (plugins.codecs()[name] for name in ("jpeg2000-kakadu", "jpeg2000-kakadu-visual"))
    expected = (str(kakadu / "kdu_compress"), "-i", "source.ppm", "-o", "out.bits", "-rate", "0.25")
    settings = ("Qstep=0.001", "-tolerance", "0", "-full", "-precise")
    assert plain.encode_command(SOURCE, BITS, 0.25) == (*expected, *settings, "-no_weights", "-num_threads", "0")
    assert visual.encode_command(SOURCE, BITS, 0.25) == (*expected, *settings, "-num_threads", "0")
    assert plain.version().endswith("minimum squared error")
    assert visual.version().endswith("visual weights")
    decode = (str(kakadu / "kdu_expand"), "-i", "out.bits", "-o", "decoded.ppm", "-precise", "-num_threads", "0")
    assert plain.decode_command(BITS, DECODED) == decode


@pytest.mark.usefixtures("kakadu")
@KAKADU
def test_kakadu_is_given_the_rate(tmp_path: Path, name: str) -> None:
    codec = plugins.codecs()[name]
    source = pixels.write_source(RGB, codec.pixels, tmp_path)

    def rate(setting: float) -> float:
        codec.encode(source, tmp_path / "bitstream", setting)
        return 8 * (tmp_path / "bitstream").stat().st_size / (61 * 53)

    search = RateSearch(rate, codec.knob, tolerance=0.02)
    for target in (0.25, 0.5, 1.0):
        choice = search.find(target)
        assert (choice.setting, choice.tries) == (pytest.approx(target, rel=1e-3), 1)
        assert abs(choice.bpp / target - 1) < 0.02


def test_kakadus_failures(monkeypatch: pytest.MonkeyPatch, kakadu: Path, tmp_path: Path) -> None:
    codec = plugins.codecs()["jpeg2000-kakadu"]
    (tmp_path / "rubbish").write_bytes(b"rubbish")
    with pytest.raises(ToolFailed, match=r"^kdu_expand: Input file is neither a raw codestream .* Not a JPEG2000 file\.$") as caught:
        codec.decode(tmp_path / "rubbish", tmp_path / "decoded")
    assert "Kakadu Error:" in caught.value.log_tail
    stand_ins.program(kakadu / "kdu_expand", "time.sleep(60)")
    with time_limit(0.5), pytest.raises(ToolFailed, match=r"kdu_expand was stopped: it ran longer than 0\.5 s"):
        codec.decode(tmp_path / "rubbish", tmp_path / "decoded")
    (kakadu / "kdu_expand").unlink()
    assert f"there is no kdu_expand in {kakadu}; get the demonstration programs" in refusal(codec.version)
    # As it is where its library is not found.
    body = "sys.exit('error while loading shared libraries: libkdu_v80R.so: cannot open shared object file')"
    stand_ins.program(kakadu / "kdu_compress", body)
    assert "kdu_compress does not answer as Kakadu, it says 'error while loading shared libraries: " in refusal(codec.version)
    assert "LD_LIBRARY_PATH" in refusal(codec.version)
    monkeypatch.setenv("CTC_KAKADU", str(tmp_path))
    assert f"no such program at CTC_KAKADU={tmp_path}; get " in refusal(codec.version)


# JPEG AI reference software


def test_jpegai_vm(software: Path, tmp_path: Path) -> None:
    codec = plugins.codecs()["jpegai-vm"]
    assert isinstance(codec, External)
    assert codec.locate() == software
    assert np.array_equal(coded(codec, tmp_path, 300)[1][:4], RGB[:4])
    encode, decode = stand_ins.calls(software)
    assert encode[2:7] == ["--set_target_bpp", "300", "--cfg", "cfg/tools_off.json", "cfg/profiles/main.json"]
    assert encode[-3:] == ["-target_device", "cpu", ""]
    assert decode[2:] == ["-target_device", "cpu", "--device", "cpu", ""]
    assert encode[0].endswith("/source_61x53_8bit_sRGB.png")
    # Nothing of what the software leaves behind stays in its folder or beside the bitstream.
    assert not list((software / "cfg" / "betas").iterdir())
    assert {path.name for path in tmp_path.iterdir()} == {"vm", "source.ppm", "bitstream", "decoded"}


def test_jpegai_vm_command_lines(monkeypatch: pytest.MonkeyPatch, software: Path, tmp_path: Path) -> None:
    codec = plugins.codecs()["jpegai-vm+hop+tools+gpu"]
    start = ("env", "-C", str(software), "-u", "PYTHONPATH")
    run = (sys.executable, "-m")
    files = ("source.png", "out.bits", "--set_target_bpp", "25", "--cfg", "cfg/tools_on.json", "cfg/profiles/high.json", "rates.json")
    encode = (*start, "CUDA_VISIBLE_DEVICES=", *run, "src.reco.coders.encoder", *files, "-target_device", "cpu")
    assert codec.encode_command(SOURCE, BITS, 25.0) == encode
    decode = (*start, "CUDA_VISIBLE_DEVICES=0", *run, "src.reco.coders.decoder", "out.bits", "decoded.png", "-target_device", "gpu")
    assert codec.decode_command(BITS, DECODED) == (*decode, "--device", "gpu")
    monkeypatch.setenv("CTC_JPEGAI_VM_ENCODER", "gpu")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    assert "CUDA_VISIBLE_DEVICES=3" in codec.encode_command(SOURCE, BITS, 25.0)
    on_gpu(monkeypatch, tmp_path)
    assert "encoded on gpu" in codec.version()
    (software / "cfg" / "profiles" / "base.json").write_text("{}")
    assert "cfg/profiles/base.json" in plugins.codecs()["jpegai-vm"].encode_command(SOURCE, BITS, 25.0)
    assert "cfg/profiles/simple.json" in plugins.codecs()["jpegai-vm+sop"].encode_command(SOURCE, BITS, 25.0)
    monkeypatch.setenv("CTC_JPEGAI_VM_ENCODER", "tpu")
    with pytest.raises(UsageError, match="CTC_JPEGAI_VM_ENCODER=tpu: the reference software encodes on cpu or gpu"):
        codec.version()


@pytest.mark.parametrize("switches", ["gpu+tools", "sop+hop", "bop", "", "tools+tools"])
def test_jpegai_vm_knows_its_switches(switches: str) -> None:
    with pytest.raises(UsageError, match="jpegai-vm takes sop or hop, tools, gpu, in this order"):
        plugins.codecs()[f"jpegai-vm+{switches}"]


def test_what_decides_the_bits_is_in_the_version(monkeypatch: pytest.MonkeyPatch, software: Path, tmp_path: Path) -> None:
    codec = plugins.codecs()["jpegai-vm"]
    version = codec.version()
    assert version.startswith("JPEG AI reference software JAI IS, tree ")
    assert ", torch " in version
    assert version.endswith("bop, tools off, encoded on cpu, decoded on cpu")
    moved = software.rename(tmp_path / "moved")
    monkeypatch.setenv("CTC_JPEGAI_VM", str(moved))
    assert codec.version() == version
    (moved / "cfg" / "betas" / "betas_mock.txt").write_text("rewritten")
    assert codec.version() == version
    (moved / "models" / "decoder.pth").write_bytes(b"other weights")
    assert codec.version() != version


@pytest.mark.usefixtures("software")
def test_the_kind_of_gpu_is_in_the_version_where_it_decides(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    codec, on_cpu = plugins.codecs()["jpegai-vm+gpu"], plugins.codecs()["jpegai-vm"]
    assert isinstance(codec, SharesBitstreams)
    gpus = ("NVIDIA H200, CUDA 12.8", "NVIDIA A100, CUDA 12.8", "NVIDIA H200, CUDA 12.6")
    versions, encoders, without = set(), set(), set()
    for gpu in gpus:
        on_gpu(monkeypatch, tmp_path, gpu)
        assert codec.version().endswith(f", encoded on cpu, decoded on gpu ({gpu})")
        versions.add(codec.version())
        encoders.add(codec.encoder())
        without.add(on_cpu.version())
    # What the CPU makes is the same beside any GPU.
    assert (len(versions), len(encoders), len(without)) == (3, 1, 1)
    monkeypatch.setenv("CTC_JPEGAI_VM_ENCODER", "gpu")
    for gpu in gpus:
        on_gpu(monkeypatch, tmp_path, gpu)
        encoders.add(codec.encoder())
        assert f", encoded on gpu ({gpu}), decoded on cpu" in on_cpu.version()
    assert len(encoders) == 4
    on_gpu(monkeypatch, tmp_path, "")
    assert "cannot compute on a GPU" in refusal(codec.version)
    assert "sees no CUDA device" in refusal(on_cpu.version)


@pytest.mark.usefixtures("software")
def test_decoders_on_both_devices_share_the_bitstreams(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    on_gpu(monkeypatch, tmp_path)
    write_png(tmp_path / "coffee.png", RGB)
    picture = Picture("set", "coffee", str(tmp_path / "coffee.png"), 61, 53, 8, "", pixels.sample_hash(RGB))
    counts = []
    for name in ("jpegai-vm+tools", "jpegai-vm+tools+gpu"):
        codec = plugins.codecs()[name]
        assert isinstance(codec, SharesBitstreams)
        with Bench(Source(picture), name, codec.version(), Store(tmp_path / "store"), may_run=True) as bench:
            search = RateSearch(bench.rate, codec.knob, tolerance=0.1)
            choice = search.find(0.75)
            assert (choice.setting, choice.tries) == (75, 1)
            bench.decoded(choice.setting)
            counts.append((bench.counts.encodes_run, bench.counts.decodes_run))
    assert counts == [(1, 1), (0, 1)]


@pytest.mark.usefixtures("software")
def test_keys_of_jpegai_vm_are_the_same_from_another_folder_and_on_another_gpu(
    monkeypatch: pytest.MonkeyPatch, software: Path, tmp_path: Path
) -> None:
    write_png(tmp_path / "coffee.png", RGB)
    picture = Picture("set", "coffee", str(tmp_path / "coffee.png"), 61, 53, 8, "", pixels.sample_hash(RGB))
    name = "jpegai-vm+gpu"
    on_gpu(monkeypatch, tmp_path)
    with Bench(Source(picture), name, plugins.codecs()[name].version(), Store(tmp_path / "store"), may_run=True) as bench:
        first = bench.decoded(75.0), bench.decode_identity("of a bitstream")
        assert bench.command_lines(75.0) == ((), ())
    moved = software.rename(tmp_path / "another name")
    stand_ins.python_that_sees(tmp_path / "python of its own", "NVIDIA H200, CUDA 12.8")
    monkeypatch.setenv("CTC_JPEGAI_VM", str(moved))
    monkeypatch.setenv("CTC_JPEGAI_VM_PYTHON", str(tmp_path / "python of its own"))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    with Bench(Source(picture), name, plugins.codecs()[name].version(), Store(tmp_path / "store"), may_run=False) as bench:
        assert (bench.decoded(75.0), bench.decode_identity("of a bitstream")) == first
        assert (bench.counts.encodes_reused, bench.counts.decodes_reused) == (1, 1)


def test_jpegai_vm_failures(software: Path, tmp_path: Path) -> None:
    codec = plugins.codecs()["jpegai-vm"]
    (tmp_path / "bitstream").write_bytes(b"rubbish")
    with pytest.raises(ToolFailed, match="no JPEG AI bitstream: it does not begin with the marker 0xFF80"):
        codec.decode(tmp_path / "bitstream", tmp_path / "decoded")
    (tmp_path / "bitstream").write_bytes(b"\xff\x80\x00\x10")
    # The reference decoder looks for the end marker for ever.
    with time_limit(2), pytest.raises(ToolFailed, match=r"src\.reco\.coders\.decoder was stopped: it ran longer than 2 s"):
        codec.decode(tmp_path / "bitstream", tmp_path / "decoded")
    (software / "src" / "reco" / "coders" / "encoder.py").write_text("raise RuntimeError('CUDA error: out of memory')")
    source = pixels.write_source(RGB, codec.pixels, tmp_path)
    with pytest.raises(ToolFailed, match=r"src\.reco\.coders\.encoder ended with status 1: RuntimeError: CUDA error: out of memory"):
        codec.encode(source, tmp_path / "bitstream", 25)
    (software / "src" / "reco" / "coders" / "encoder.py").write_text("")
    with pytest.raises(ToolFailed, match="ended well but wrote no bitstream"):
        codec.encode(source, tmp_path / "bitstream", 25)


def test_what_of_jpegai_vm_is_missing(monkeypatch: pytest.MonkeyPatch, software: Path, tmp_path: Path) -> None:
    codec = plugins.codecs()["jpegai-vm"]
    (software / "cfg" / "tools_off.json").unlink()
    assert f"{software} has no cfg/tools_off.json; get it" in refusal(codec.version)
    (software / "cfg" / "profiles" / "main.json").unlink()
    assert f"{software} has no cfg/profiles/base.json or cfg/profiles/main.json; get it" in refusal(codec.version)
    monkeypatch.setenv("CTC_JPEGAI_VM_PYTHON", "/bin/true")
    assert "/bin/true has no torch; set CTC_JPEGAI_VM_PYTHON to one that has" in refusal(codec.version)
    monkeypatch.delenv("CTC_JPEGAI_VM_PYTHON")
    assert f"{software}/.venv/bin/python is no program; set CTC_JPEGAI_VM_PYTHON to it" in refusal(codec.version)
    monkeypatch.setenv("CTC_JPEGAI_VM_PYTHON", sys.executable)
    (software / "cfg" / "info.json").write_text("{}")
    assert f"{software}/cfg/info.json cannot be read" in refusal(codec.version)
    monkeypatch.setenv("CTC_JPEGAI_VM", str(tmp_path))
    assert f"CTC_JPEGAI_VM={tmp_path} has no src/reco/coders; get it" in refusal(codec.version)
    monkeypatch.delenv("CTC_JPEGAI_VM")
    assert refusal(codec.version).endswith("and set CTC_JPEGAI_VM to its folder")

"""Programs that behave as the reference programs were seen to behave, for tests on machines that have none.

Each is a script with the banner, the options, the exit status and the words of the real one; instead of a codec it has a quantiser and
zlib. Every call is recorded, so that tests see what was asked of it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

CALLS = "calls.jsonl"

HEAD = """#!{python} -IS
import array, json, os, pathlib, signal, struct, sys, time, zlib

arguments = sys.argv[1:]
with pathlib.Path(sys.argv[0]).with_name("{calls}").open("a") as record:
    record.write(json.dumps([sys.argv[0], *arguments]) + "\\n")


def value(option):
    return arguments[arguments.index(option) + 1]


def store(path, width, height, shift, samples):
    path.write_bytes(struct.pack("<4sHHB", b"MOCK", width, height, shift) + zlib.compress(bytes(samples), 1))


def load(path):
    content = path.read_bytes()
    if content[:4] != b"MOCK":
        return None
    _, width, height, shift = struct.unpack("<4sHHB", content[:9])
    return width, height, shift, zlib.decompress(content[9:])


"""

JVT_ENCODER = """print("\\n{banner}\\n")
if not value("-q").isdigit():
    sys.exit('Error parsing option "QP,q" with argument "' + value("-q") + '".')
if not pathlib.Path(value("-c")).read_text():
    sys.exit("Failed to open config file")
width, height, qp = int(value("-wdt")), int(value("-hgt")), int(value("-q"))
codes = array.array("H", pathlib.Path(value("-i")).read_bytes())
if len(codes) != 3 * width * height:
    sys.stderr.write("****\\n** WARNING: not part of the test conditions **\\n****\\n")
    print("Error: input is too short")
    sys.exit(1)
shift = qp // 7
store(pathlib.Path(value("-b")), width, height, shift, array.array("H", [code >> shift for code in codes]).tobytes())
size = os.path.getsize(value("-b"))
if "VTM" in "{banner}":
    print("POC    0 LId:  0 TId: 0 ( IDR_N_LP, I-SLICE, QP", qp, ") ", 8 * size, "bits [Y 54.1514 dB    U 41.3421 dB    V 40.0010 dB]")
else:
    print("Bytes written to file:", size, "(0.702 kbps)")
"""

JVT_DECODER = """print("\\n{banner}\\n")
found = load(pathlib.Path(value("-b")))
if found is None:
    sys.stderr.write("Warning: Attempt to decode an empty NAL unit\\n")
    if "VTM" in "{banner}":
        os.kill(os.getpid(), signal.SIGSEGV)
    print(" Total Time:        0.000 sec.")
    sys.exit(0)
_, _, shift, samples = found
codes = array.array("H", samples)
pathlib.Path(value("-o")).write_bytes(array.array("H", [code << shift for code in codes]).tobytes())
"""


def program(path: Path, body: str, **fields: str) -> Path:
    """Writes a stand-in, whose calls are recorded in its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(HEAD.format(python=sys.executable, calls=CALLS) + _filled(body, fields))
    path.chmod(0o755)
    return path


def calls(folder: Path) -> list[list[str]]:
    """Command lines of the calls of all stand-ins in `folder`, first to last."""
    record = folder / CALLS
    return [json.loads(line) for line in record.read_text().splitlines()] if record.is_file() else []


def _filled(body: str, fields: dict[str, str]) -> str:
    for name, text in fields.items():
        body = body.replace(f"{{{name}}}", text)
    return body


JPEG_XT = """print("jpeg Copyright (C) 2012-2018 Thomas Richter, University of Stuttgart\\nand Accusoft\\n")
print("For license conditions, see README.license for details.\\n")
if "-version" in arguments:
    sys.stderr.write("unsupported command line switch -version\\n")
    sys.exit(20)
source, target = map(pathlib.Path, arguments[-2:])
# Whatever happens, it ends with status 0.
if not source.is_file():
    sys.stderr.write("unable to open the input file: No such file or directory\\n")
elif "-q" in arguments:
    header, size, peak, samples = source.read_bytes().split(b"\\n", 3)
    width, height = map(int, size.split())
    shift = (100 - int(value("-q"))) // 15
    store(target, width, height, shift, bytes(sample >> shift for sample in samples))
else:
    found = load(source)
    if found is None:
        sys.stderr.write("reading a JPEG file failed - error -1038 - stream does not contain a JPEG file, SOI marker missing\\n")
        sys.exit(0)
    width, height, shift, samples = found
    target.write_bytes(b"P6\\n%d %d\\n255\\n" % (width, height) + bytes(sample << shift for sample in samples))
"""

KAKADU = """if arguments == ["-v"]:
    print("This is Kakadu's \\"" + pathlib.Path(sys.argv[0]).name + "\\" application.")
    print("\\tCompiled against the Kakadu core system, version v{version}\\n\\tCurrent core system version is v{version}")
    sys.exit(0)


def fail(words):
    sys.stderr.write("Kakadu Error:\\n" + words + "\\n")
    sys.exit(255)


def read_tiff(content):
    if content[:4] != b"II*\\0":
        fail("Image file does not appear to contain a valid TIFF header.")
    (at,) = struct.unpack_from("<I", content, 4)
    (count,) = struct.unpack_from("<H", content, at)
    entries = [struct.unpack_from("<HHI4s", content, at + 2 + 12 * place) for place in range(count)]
    tags = {tag: (number, struct.unpack("<I" if kind == 4 else "<H2x", word)[0]) for tag, kind, number, word in entries if kind in (3, 4)}
    if tags[259][1] != 1 or struct.unpack_from("<3H", content, tags[258][1]) != (16, 16, 16) or tags[273][0] != 1:
        fail("The simple TIFF file reader can handle only uncompressed files.")
    return tags[256][1], tags[257][1], content[tags[273][1] :][: 6 * tags[256][1] * tags[257][1]]


def tiff(width, height, samples):
    fields = [(256, 4, 1, width), (257, 4, 1, height), (258, 3, 3, 122), (259, 3, 1, 1), (262, 3, 1, 2), (273, 4, 1, 128)]
    fields += [(277, 3, 1, 3), (278, 4, 1, height), (279, 4, 1, len(samples))]
    entries = b"".join(struct.pack("<HHII", *field) for field in fields)
    return struct.pack("<2sHIH", b"II", 42, 8, len(fields)) + entries + struct.pack("<I3H", 0, 16, 16, 16) + samples


source, target = pathlib.Path(value("-i")), pathlib.Path(value("-o"))
if sys.argv[0].endswith("kdu_compress"):
    if source.suffix == ".tif":
        width, height, samples = read_tiff(source.read_bytes())
    else:
        header, size, peak, samples = source.read_bytes().split(b"\\n", 3)
        width, height = map(int, size.split())
    deep = len(samples) > 3 * width * height
    coded = struct.pack("<4sHHB", b"MOCK", width, height, deep) + zlib.compress(samples, 9)
    # As near below the rate that it was given as whole bytes allow; what the picture needs at most.
    target.write_bytes(coded[:max(9, int(float(value("-rate")) * width * height / 8))])
elif target.suffix not in (".ppm", ".tif"):
    fail("Image file, \\"" + target.name + "\\", does not have a\\nrecognized suffix.")
else:
    content = source.read_bytes()
    if content[:4] != b"MOCK":
        fail("Input file is neither a raw codestream nor a box-structured file.  Not a\\nJPEG2000 file.")
    _, width, height, deep = struct.unpack("<4sHHB", content[:9])
    samples = zlib.decompressobj().decompress(content[9:]).ljust(3 * (1 + deep) * width * height, b"\\x80")
    if (target.suffix == ".tif") != deep:
        fail("The precision of the codestream is not that of this test's kind of file.")
    target.write_bytes(tiff(width, height, samples) if deep else b"P6\\n%d %d\\n255\\n" % (width, height) + samples)
"""

GPU_PYTHON = """#!/bin/sh
case "$*" in
*get_device_name*) echo "{answer}" ;;
*) exec {python} "$@" ;;
esac
"""


def python_that_sees(path: Path, answer: str) -> Path:
    """This Python, but for the question what GPU its PyTorch sees: "NAME, CUDA VERSION", or empty for none."""
    path.write_text(GPU_PYTHON.format(answer=answer, python=sys.executable))
    path.chmod(0o755)
    return path


JPEG_AI_ENCODER = """import argparse, json, os, pathlib, re, struct, sys, zlib
from PIL import Image

parser = argparse.ArgumentParser()
parser.add_argument("input_path")
parser.add_argument("bin_path")
parser.add_argument("--set_target_bpp", type=int)
parser.add_argument("--cfg", nargs="+")
parser.add_argument("-target_device")
given = parser.parse_args()
with open("calls.jsonl", "a") as record:
    record.write(json.dumps([*sys.argv[1:], os.environ["CUDA_VISIBLE_DEVICES"]]) + "\\n")
settings = [json.loads(pathlib.Path(name).read_text()) for name in given.cfg]
lists = pathlib.Path(settings[-1].get("model", {}).get("bitrate_matcher", {}).get("bitrate_config_path", "cfg/betas"))
(lists / "betas_mock.txt").write_text("rewritten")
with Image.open(given.input_path, formats=("PNG",)) as image:
    width, height = map(int, re.search(r"_(\\d+)x(\\d+)_8bit_sRGB", given.input_path).groups())
    assert image.size == (width, height)
    samples = zlib.compress(image.tobytes(), 9)
bytes_wanted = int(given.set_target_bpp / 100 * width * height / 8 * 0.96) - 8
content = struct.pack(">HHH", 0xFF80, width, height) + samples[:max(bytes_wanted, 0)] + b"\\xff\\x81"
pathlib.Path(given.bin_path).write_bytes(content)
"""

JPEG_AI_DECODER = """import json, os, pathlib, struct, sys, time, zlib
from PIL import Image

stream, picture = map(pathlib.Path, sys.argv[1:3])
with open("calls.jsonl", "a") as record:
    record.write(json.dumps([*sys.argv[1:], os.environ["CUDA_VISIBLE_DEVICES"]]) + "\\n")
(stream.parent.parent / "log").mkdir()
content = stream.read_bytes()
while not content.endswith(b"\\xff\\x81"):
    time.sleep(1)
_, width, height = struct.unpack(">HHH", content[:6])
samples = zlib.decompressobj().decompress(content[6:-2]).ljust(3 * width * height, b"\\x80")
Image.frombytes("RGB", (width, height), samples).save(picture)
"""


def jpeg_ai_software(folder: Path) -> Path:
    """The folder of the JPEG AI reference software, as far as it is seen from outside."""
    coders = folder / "src" / "reco" / "coders"
    coders.mkdir(parents=True)
    for package in (folder / "src", folder / "src" / "reco", coders):
        (package / "__init__.py").touch()
    (coders / "encoder.py").write_text(JPEG_AI_ENCODER)
    (coders / "decoder.py").write_text(JPEG_AI_DECODER)
    for name in ("tools_off", "tools_on", "profiles/simple", "profiles/main", "profiles/high"):
        path = folder / "cfg" / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}")
    (folder / "cfg" / "betas").mkdir()
    (folder / "cfg" / "info.json").write_text('{"version": "IS", "codec_name": "JAI", "config": ["tools_on.json", "profiles/high.json"]}')
    (folder / "models").mkdir()
    (folder / "models" / "decoder.pth").write_bytes(b"weights")
    return folder

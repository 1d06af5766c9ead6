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
    sys.exit("Error: input is too short")
shift = qp // 7
store(pathlib.Path(value("-b")), width, height, shift, array.array("H", [code >> shift for code in codes]).tobytes())
print("Bytes written to file:", os.path.getsize(value("-b")), "(0.702 kbps)")
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

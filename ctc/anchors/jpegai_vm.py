"""JPEG AI by the official reference software (the verification model), run as its own Python with its own environment.

`CTC_JPEGAI_VM` names the folder of the reference software, with models and built entropy coder; `CTC_JPEGAI_VM_PYTHON` the Python of its
environment, where that is not `.venv/bin/python` in the folder. `CTC_JPEGAI_VM_ENCODER=gpu` encodes on a GPU. The base operating point with
all tools off is `jpegai-vm`; `+sop` and `+hop` are the other two, `+tools` switches the tools on, `+gpu` decodes on a GPU what the same
codec without it has encoded. The software finds the rate itself (from -10 % to +5 % of the target).

Traps that are known of it:

* it must be started in its own folder, and reads and writes PNG alone;
* given a target rate it rewrites a list inside its own folder, which two encodes at a time would spoil: each gets a folder of its own;
* its decoder leaves folders two levels above the bitstream, and never returns on a file that is no JPEG AI bitstream;
* without CUDA_VISIBLE_DEVICES it decodes on the CPU and says nothing.

Command lines are those of its manual (JPEG AI 1.0, "IS"). It was not run for real: its models could not be had.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from ctc.anchors import _programs
from ctc.complexity.device_memory import CAPPED
from ctc.complexity.process import run
from ctc.errors import ToolFailed, ToolMissing, UsageError
from ctc.records import Cost, Knob, PixelFormat, digest
from ctc.scratch import scratch_prefix

FOLDER_VARIABLE, PYTHON_VARIABLE, ENCODER_VARIABLE = "CTC_JPEGAI_VM", "CTC_JPEGAI_VM_PYTHON", "CTC_JPEGAI_VM_ENCODER"
REMEDY = "get it with its models (gitlab.com/wg1/jpeg-ai/jpeg-ai-reference-software) and set CTC_JPEGAI_VM to its folder"
PROFILES = {"sop": ("simple.json",), "bop": ("base.json", "main.json"), "hop": ("high.json",)}
"""Operating point, and its profile under `cfg/profiles` as versions of the software call it."""
SWITCHES = (("sop", "hop"), ("tools",), ("gpu",))
DEVICES = ("cpu", "gpu")
START_OF_CODESTREAM = b"\xff\x80"
GPU_MEMORY = "import torch; print(torch.cuda.get_device_properties(0).total_memory if torch.cuda.is_available() else 0)"
GPU_NAME = """import os, sys
os.environ["CUDA_VISIBLE_DEVICES"] = sys.argv[1]
import torch
print(f"{torch.cuda.get_device_name(0)}, CUDA {torch.version.cuda}" if torch.cuda.is_available() else "")
"""
DECIDING = (("src", {".py", ".so"}), ("cfg", {".json"}), ("models", None))
"""Folders of the software, and suffixes of their files, that decide the bits; None for every file."""


class JpegAiVm:
    """JPEG AI bitstream (ISO/IEC 6048-1), 8 bits (no HDR pictures), 4:4:4. The setting is a hundred times the target rate in bpp."""

    citation = "ITU-T T.840.1 | ISO/IEC 6048-1; JPEG AI reference software"
    note = ""
    pixels = PixelFormat("ppm")
    knob = Knob("target bpp x 100", 1, 300, integer=True, rate_rises=True, start=tuple((bpp / 100, bpp) for bpp in range(1, 301)))
    seconds_per_megapixel = 60.0
    learned = True

    def __init__(self, chosen: tuple[str, ...] = (), gpu_share: float | None = None) -> None:
        self.name = "+".join(("jpegai-vm", *chosen))
        self._chosen, self._gpu_share = chosen, gpu_share
        self._operating_point = next((point for point in PROFILES if point in chosen), "bop")
        self._tools = "on" if "tools" in chosen else "off"
        self._decoder_device = "gpu" if "gpu" in chosen else "cpu"

    def switches(self) -> tuple[tuple[str, ...], ...]:
        """None where the software is not."""
        try:
            self.locate()
        except ToolMissing:
            return ()
        return SWITCHES

    def variant(self, switches: str) -> JpegAiVm:
        """Raises UsageError for switches that there are not, or not together."""
        chosen = tuple(switches.split("+"))
        places = [[name for name in place if name in chosen] for place in SWITCHES]
        if list(chosen) != [name for place in places for name in place] or any(len(place) > 1 for place in places):
            raise UsageError(f"unknown codec 'jpegai-vm+{switches}': jpegai-vm takes sop or hop, tools, gpu, in this order")
        return _variant(chosen)

    def gpu_sides(self) -> tuple[str, ...]:
        """Raises UsageError for an encoder's device that there is not."""
        devices = (("encoder", _encoder_device()), ("decoder", self._decoder_device))
        return tuple(side for side, device in devices if device == "gpu")

    def gpu_bytes(self) -> int:
        """As the software's own PyTorch sees it."""
        try:
            found = int(run((str(_python(_folder())), "-c", GPU_MEMORY)).printed)
        except (ToolFailed, ValueError) as error:
            raise ToolMissing(f"PyTorch of the JPEG AI reference software does not say what GPU it sees ({error})") from error
        if not found:
            raise ToolMissing("no CUDA device")
        return found

    def capped(self, fraction: float) -> JpegAiVm:
        return JpegAiVm(self._chosen, fraction)

    def locate(self) -> Path:
        """Raises ToolMissing."""
        _python(_folder())
        return _folder()

    def version(self) -> str:
        _, version = self.encoder()
        return f"{version}, decoded on {_described(self._decoder_device)}"

    def encoder(self) -> tuple[str, str]:
        """That of the same codec decoding on the CPU. Raises ToolMissing."""
        folder = _folder()
        python, about = _python(folder), _about(folder)
        torch = _programs.printed(python, "-c", "from importlib.metadata import version; print('torch', version('torch'))")
        if not torch.startswith("torch "):
            raise ToolMissing(f"the JPEG AI reference software cannot run: {python} has no torch; set {PYTHON_VARIABLE} to one that has")
        self._settings(folder)
        settings = f"{self._operating_point}, tools {self._tools}, encoded on {_described(_encoder_device())}"
        name = "+".join(("jpegai-vm", *(switch for switch in self._chosen if switch != "gpu")))
        return name, f"JPEG AI reference software {about}, tree {_tree_id(folder)}, {torch}, {settings}"

    def encode_command(self, source: Path, bitstream: Path, setting: float) -> tuple[str, ...]:
        """Raises ToolMissing, UsageError. The source is given to the software as PNG."""
        return self._encode_command(source.with_suffix(".png"), bitstream, setting, Path("rates.json"))

    def decode_command(self, bitstream: Path, destination: Path) -> tuple[str, ...]:
        """Raises ToolMissing. The software writes PNG."""
        return self._decode_command(bitstream, destination.with_suffix(".png"))

    def deciding(self, command: tuple[str, ...]) -> tuple[str, ...]:
        """Module and arguments: without the folder, the interpreter and the number of the GPU, which `env` is given before them."""
        return command[command.index("-m") + 1 :]

    def encode(self, source: Path, bitstream: Path, setting: float) -> Cost:
        with tempfile.TemporaryDirectory(prefix=scratch_prefix()) as name:
            folder = Path(name)
            picture, stream, rates = _official_png(source, folder), folder / "stream.bits", folder / "rates.json"
            rates.write_text(json.dumps({"model": {"bitrate_matcher": {"bitrate_config_path": str(folder)}}}))
            command = self._encode_command(picture, stream, setting, rates)
            done = run(command, device=_encoder_device())
            if not stream.is_file():
                raise ToolFailed("the JPEG AI reference software ended well but wrote no bitstream", command, done.log)
            bitstream.write_bytes(stream.read_bytes())
        return done.cost

    def decode(self, bitstream: Path, destination: Path) -> Cost:
        from PIL import Image

        content = bitstream.read_bytes()
        if not content.startswith(START_OF_CODESTREAM):
            command = self.decode_command(bitstream, destination)
            raise ToolFailed("no JPEG AI bitstream: it does not begin with the marker 0xFF80", command, f"begins with {content[:2].hex()}")
        with tempfile.TemporaryDirectory(prefix=scratch_prefix()) as name:
            stream, decoded = Path(name, "decode", "bit", "stream.bits"), Path(name, "decoded.png")
            stream.parent.mkdir(parents=True)
            stream.write_bytes(content)
            command = self._decode_command(stream, decoded)
            done = run(command, device=self._decoder_device)
            _programs.require_written(decoded, command, done.log)
            with Image.open(decoded, formats=("PNG",)) as image:
                image.convert("RGB").save(destination, "PPM")
        return done.cost

    def _encode_command(self, picture: Path, bitstream: Path, setting: float, rates: Path) -> tuple[str, ...]:
        settings = self._settings(_folder())
        rate, device = ("--set_target_bpp", str(int(setting)), "--cfg", *settings, str(rates)), _encoder_device()
        return (*_started("encoder", device, self._gpu_share), str(picture), str(bitstream), *rate, "-target_device", device)

    def _decode_command(self, bitstream: Path, picture: Path) -> tuple[str, ...]:
        device = ("-target_device", self._decoder_device, "--device", self._decoder_device)
        return (*_started("decoder", self._decoder_device, self._gpu_share), str(bitstream), str(picture), *device)

    def _settings(self, folder: Path) -> tuple[str, str]:
        """Configuration files relative to `folder`, tools before profile. Raises ToolMissing."""
        tools = f"cfg/tools_{self._tools}.json"
        names = [f"cfg/profiles/{name}" for name in PROFILES[self._operating_point]]
        profile = next((name for name in names if (folder / name).is_file()), None)
        if profile is None or not (folder / tools).is_file():
            missing = tools if profile else " or ".join(names)
            raise ToolMissing(f"the JPEG AI reference software is not whole: {folder} has no {missing}; {REMEDY}")
        return tools, profile


@lru_cache
def _variant(chosen: tuple[str, ...]) -> JpegAiVm:
    return JpegAiVm(chosen)


def _folder() -> Path:
    named = os.environ.get(FOLDER_VARIABLE)
    if not named:
        raise ToolMissing(f"the JPEG AI reference software is missing: {REMEDY}")
    folder = Path(named).expanduser().absolute()
    if not (folder / "src" / "reco" / "coders").is_dir():
        raise ToolMissing(f"the JPEG AI reference software is missing: {FOLDER_VARIABLE}={named} has no src/reco/coders; {REMEDY}")
    return folder


def _python(folder: Path) -> Path:
    """The interpreter, not resolved: that of a virtual environment is a link, and known by its place."""
    named = os.environ.get(PYTHON_VARIABLE)
    path = Path(named).expanduser().absolute() if named else folder / ".venv" / "bin" / "python"
    if not (path.is_file() and os.access(path, os.X_OK)):
        raise ToolMissing(f"the Python of the JPEG AI reference software is missing: {path} is no program; set {PYTHON_VARIABLE} to it")
    return path


def _encoder_device() -> str:
    device = os.environ.get(ENCODER_VARIABLE) or "cpu"
    if device not in DEVICES:
        raise UsageError(f"{ENCODER_VARIABLE}={device}: the reference software encodes on {' or '.join(DEVICES)}")
    return device


def _described(device: str) -> str:
    """The device, and of a GPU its name and the version of CUDA: results in floating point are those of one kind of GPU, and the version
    is the key under which they are kept. Raises ToolMissing where the software's own PyTorch sees no GPU."""
    if device != "gpu":
        return device
    return f"{device} ({_gpu(_python(_folder()), _visible_gpus())})"


@lru_cache
def _gpu(python: Path, visible: str) -> str:
    """Asked once: PyTorch takes seconds to load."""
    try:
        answer = run((str(python), "-c", GPU_NAME, visible)).printed.strip()
    except ToolFailed as error:
        raise ToolMissing(f"PyTorch of the JPEG AI reference software does not say what GPU it sees ({error})") from error
    if not answer:
        raise ToolMissing(f"the JPEG AI reference software cannot compute on a GPU: PyTorch of {python} sees no CUDA device")
    return answer


def _visible_gpus() -> str:
    return os.environ.get("CUDA_VISIBLE_DEVICES") or "0"


def _started(coder: str, device: str, gpu_share: float | None) -> tuple[str, ...]:
    """How the software is started: in its own folder, without our import path, with a device that it may see, perhaps a part of it."""
    folder = _folder()
    environment = ("-u", "PYTHONPATH", f"CUDA_VISIBLE_DEVICES={_visible_gpus() if device == 'gpu' else ''}")
    module = ("-m",) if gpu_share is None or device != "gpu" else (str(CAPPED), f"{gpu_share:.6f}")
    return ("env", "-C", str(folder), *environment, str(_python(folder)), *module, f"src.reco.coders.{coder}")


def _about(folder: Path) -> str:
    """Name and version that the software gives itself."""
    try:
        about = json.loads((folder / "cfg" / "info.json").read_text())
        return f"{about['codec_name']} {about['version']}"
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ToolMissing(f"the JPEG AI reference software is not whole: {folder}/cfg/info.json cannot be read; {REMEDY}") from error


def _tree_id(folder: Path) -> str:
    """First digits of a hash over code, configurations and models."""
    return digest([[str(path.relative_to(folder)), _programs.content_id(path)] for path in _deciding_files(folder)])[
        : _programs.HASH_DIGITS
    ]


def _deciding_files(folder: Path) -> Iterator[Path]:
    for part, suffixes in DECIDING:
        yield from sorted(path for path in (folder / part).rglob("*") if path.is_file() and (suffixes is None or path.suffix in suffixes))


def _official_png(source: Path, folder: Path) -> Path:
    """The source as PNG, named as the official pictures are: the software reads size, bit depth and colour from the name."""
    from PIL import Image

    with Image.open(source, formats=("PPM",)) as image:
        path = folder / f"source_{image.width}x{image.height}_8bit_sRGB.png"
        image.save(path, "PNG")
    return path


CODECS = (JpegAiVm(),)

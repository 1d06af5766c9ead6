"""A codec whose devices are tried, as one that has none is too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ctc import plugins
from ctc.errors import ToolFailed, UsageError
from ctc.protocols import Codec, Portable
from ctc.records import CodecDevice, Picture

ONLY_DEVICE = CodecDevice("here", "the codec as it is installed")
"""Of a codec that has no devices."""


@dataclass(frozen=True)
class Candidate:
    """A codec whose devices are run; one without devices has a single one, and no tensors."""

    codec: Codec
    devices: tuple[CodecDevice, ...]

    @staticmethod
    def of(codec: Codec, names: Sequence[str]) -> Candidate:
        """With the devices called so, or with all but those that must be asked for by name.

        Raises UsageError for one that there is not, ToolMissing where the codec cannot be asked."""
        if not isinstance(codec, Portable):
            if names:
                raise UsageError(f"--devices: {codec.name} has none to choose from; try it in a command of its own")
            return Candidate(codec, (ONLY_DEVICE,))
        known = {device.name: device for device in codec.devices()}
        unknown = [name for name in names if name not in known]
        if unknown:
            raise UsageError(f"--devices {unknown[0]}: {codec.name} has {', '.join(known)}")
        chosen = [known[name] for name in names] or [device for device in known.values() if not (device.broken or device.slow)]
        if not any(device.encodes and not device.missing for device in chosen):
            raise UsageError(f"--devices {','.join(names)}: none of them can encode here")
        return Candidate(codec, tuple(chosen))

    def on(self, picture: Picture) -> Candidate:
        """What codes `picture`, on the same devices."""
        return replace(self, codec=plugins.codec_for_depth(self.codec, picture.bit_depth))

    @property
    def traced(self) -> bool:
        return isinstance(self.codec, Portable)

    def encode(self, device: str, source: Path, bitstream: Path, setting: float, trace: Path) -> None:
        if isinstance(self.codec, Portable):
            self.codec.encode_on(device, source, bitstream, setting, trace)
        else:
            self.codec.encode(source, bitstream, setting)
        if not bitstream.is_file() or not bitstream.stat().st_size:
            raise ToolFailed(f"{self.codec.name} wrote no bitstream at {self.codec.knob.name} {setting:g}")

    def decode(self, device: str, bitstream: Path, destination: Path, trace: Path) -> None:
        if isinstance(self.codec, Portable):
            self.codec.decode_on(device, bitstream, destination, trace)
        else:
            self.codec.decode(bitstream, destination)
        if not destination.is_file():
            raise ToolFailed(f"{self.codec.name} decoded nothing from {bitstream.name}")

    def leave(self) -> None:
        if isinstance(self.codec, Portable):
            self.codec.leave_devices()

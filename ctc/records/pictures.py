"""A source picture, and how a campaign's pictures stand to their set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Transfer = Literal["sdr", "pq"]
"""How light became the samples of a picture: "sdr" as sRGB and BT.709 do, or "pq", ITU-R BT.2100 with the primaries of BT.2020."""


@dataclass(frozen=True)
class Light:
    """What an entry of datasets.yaml says of the light in its pictures, above what the files say; None leaves it to them."""

    transfer: Transfer | None = None
    """Of files of integers, which rarely say it."""
    cd_m2_per_unit: float | None = None
    """What 1.0 is in files of linear light."""
    primaries: str | None = None
    """Those of files of linear light: a name of `light.PRIMARIES`."""


NOTHING_SAID = Light()


@dataclass(frozen=True)
class Picture:
    """A source picture. It is known by the hash of its samples; name and path are for people."""

    dataset: str
    name: str
    path: str
    width: int
    height: int
    bit_depth: int
    """Bits of a sample: 8 or 16 as stored, 10 where the transfer is PQ."""
    colour: str
    """How the file became RGB, e.g. "RGB", "grey repeated to RGB", "palette expanded to RGB"."""
    sha256: str
    """Hash of size, bit depth and RGB samples; see `pixels.sample_hash`. Empty where the samples were never seen."""
    transfer: Transfer = "sdr"
    light: Light = NOTHING_SAID
    """What was said of it beside its file."""

    @property
    def pixels(self) -> int:
        return self.width * self.height


@dataclass(frozen=True)
class SetState:
    """How the pictures of a campaign stand to the set whose name it bears."""

    whole: int
    """Pictures of the set."""
    used: int
    """Those of them that the campaign was made of."""
    left_out: tuple[tuple[str, str], ...]
    """(picture, why) of those that were asked for but are missing or not as they should be."""
    verified: str
    """What they were compared with, in words."""
    digest: str
    """Of names and samples of the pictures used, see `sets.listing.set_digest`; equal in two laboratories that used the same."""
    remarks: tuple[str, ...] = ()
    """What else is to be known of the folder, e.g. pictures that the list does not name."""

    @property
    def partial(self) -> bool:
        return self.used < self.whole

    @property
    def share(self) -> str:
        """ "partial set: 2 of 50 pictures"; empty for a whole set."""
        return f"partial set: {self.used} of {self.whole} pictures" if self.partial else ""

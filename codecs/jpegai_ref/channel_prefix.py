"""How many channels of the latents are coded, or decoded: the first ones of luma and of chroma. The others have symbols that are all 0.

A latent is predicted all the same, by the hyper-latents and the context model; only what the symbols would add is not there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


class ChannelsMissing(Exception):
    """More channels are asked for than there are; one line."""


@dataclass(frozen=True)
class ChannelPrefix:
    """Of luma and of chroma; None: all that there are. Raises ValueError for fewer than 0."""

    luma: int | None = None
    chroma: int | None = None

    def __post_init__(self) -> None:
        if any(count is not None and count < 0 for count in (self.luma, self.chroma)):
            raise ValueError("numbers of channels are not negative")

    @staticmethod
    def parse(text: str) -> ChannelPrefix:
        """From `LUMA` or `LUMA,CHROMA`; without CHROMA all of its channels. Raises ValueError for anything else."""
        parts = text.split(",")
        if len(parts) > 2 or not all(re.fullmatch("[0-9]{1,6}", part) for part in parts):
            raise ValueError(f"{text!r} is no number of channels of luma, or of luma and chroma with a comma between them")
        return ChannelPrefix(*map(int, parts))

    def counts(self, luma: int, chroma: int) -> tuple[int, int]:
        """So many channels where there are `luma` and `chroma`. Raises ChannelsMissing where these are fewer."""
        for name, asked, there in (("luma", self.luma, luma), ("chroma", self.chroma, chroma)):
            if asked is not None and asked > there:
                raise ChannelsMissing(f"there are {there} channels of {name}, not {asked}")
        return luma if self.luma is None else self.luma, chroma if self.chroma is None else self.chroma


ALL_CHANNELS = ChannelPrefix()

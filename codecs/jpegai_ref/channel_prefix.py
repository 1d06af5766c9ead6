"""How many channels of the latents are coded, or decoded: the first ones of luma and of chroma. The others have symbols that are all 0.

A latent is predicted all the same, by the hyper-latents and the context model; only what the symbols would add is not there.
"""

from __future__ import annotations

from dataclasses import dataclass

MOST_CHANNELS = 255
"""That a picture header can announce."""


class ChannelsMissing(Exception):
    """More channels are asked for than there are; one line."""


@dataclass(frozen=True)
class ChannelPrefix:
    """Of luma and of chroma, 0..255 each; None: all that there are."""

    luma: int | None = None
    chroma: int | None = None

    def __post_init__(self) -> None:
        if not all(count is None or 0 <= count <= MOST_CHANNELS for count in (self.luma, self.chroma)):
            raise ValueError(f"numbers of channels are 0 to {MOST_CHANNELS}")

    @staticmethod
    def parse(text: str) -> ChannelPrefix:
        """From `LUMA` or `LUMA,CHROMA`; without CHROMA all of its channels. Raises ValueError for anything else."""
        parts = text.split(",")
        if len(parts) > 2 or not all(part.isascii() and part.isdigit() for part in parts):
            raise ValueError(f"{text!r} is no number of channels of luma, or of luma and chroma with a comma between them")
        return ChannelPrefix(*map(int, parts))

    def counts(self, luma: int, chroma: int) -> tuple[int, int]:
        """So many channels where there are `luma` and `chroma`. Raises ChannelsMissing where these are fewer."""
        for name, asked, there in (("luma", self.luma, luma), ("chroma", self.chroma, chroma)):
            if asked is not None and asked > there:
                raise ChannelsMissing(f"there are {there} channels of {name}, not {asked}")
        return luma if self.luma is None else self.luma, chroma if self.chroma is None else self.chroma


ALL_CHANNELS = ChannelPrefix()

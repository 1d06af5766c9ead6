"""Result tables that others published, shown beside a campaign's own and never part of its numbers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PublishedRow:
    """One configuration. A value is None where the table has none, and `unavailable` says why where it is not simply without the column."""

    encoder: str
    """As multi-branch tables name it, e.g. "Enc0"; else empty."""
    operating_point: str
    """Of the decoder."""
    test: str
    """As the table calls it."""
    rates_percent: tuple[tuple[str, float | None], ...]
    """(metric, or AVG; BD-rate)"""
    monotone: bool | None
    largest_deviation: float | None
    """As a fraction of the target rate."""
    kmac_max: float | None
    """kMAC/px of the decoder, by the official rule."""
    kmac_mean: float | None
    time_ratio: float | None
    parameters: float | None
    model_bytes: float | None
    encode_time: float | None
    """As the table has it, in no unit that it names: it stands in no column of seconds."""
    unavailable: tuple[tuple[str, str], ...] = ()
    """(column, what the table has there)"""

    def rate(self, metric: str) -> float | None:
        return dict(self.rates_percent).get(metric)

    @property
    def encode_time_text(self) -> str:
        """ "0.001, in no named unit"; empty where the table has none."""
        return "" if self.encode_time is None else f"{self.encode_time:g}, in no named unit"

    @property
    def remarks(self) -> str:
        """Why values are missing, and what has no column, or empty."""
        return "; ".join(filter(None, [self.reason, self.encode_time_text and f"enc_time_gpu: {self.encode_time_text}"]))

    @property
    def reason(self) -> str:
        """Why values are missing, or empty."""
        return "; ".join(f'{column} is not available: the published table has "{text}" there' for column, text in self.unavailable)


@dataclass(frozen=True)
class PublishedTable:
    name: str
    """As it was asked for."""
    source: str
    notes: tuple[str, ...]
    """In what its conditions differ."""
    rows: tuple[PublishedRow, ...]

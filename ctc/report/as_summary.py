"""summary.txt: the layout of the JPEG AI evaluation software, for pasting into the meeting's workbook.

Tab separated, no header, 19 columns: reconstruction, bpp, MS-SSIM (torch), MS-SSIM (IQA), PSNR Y, U, V, VIF, FSIM, NLPD,
IW-SSIM, VMAF, PSNR-HVS, kMAC/pixel (of the decoder by the official rule, where that picture was counted at that rate), decoding s on GPU
and on CPU, encoding s on GPU and on CPU, match or mismatch.
Seconds are medians of the timing campaign where it timed the point, else what coding took; none where the machine did other work meanwhile.
The official file holds one codec; here the codecs follow one another, each line beginning with the codec's name.

This is the only place where the official sentinels are written: `None` for a value that is missing, -100 for a metric that was
switched off, -1 for everything of a point without reconstruction, and 100 dB as the largest PSNR and PSNR-HVS.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ctc import official
from ctc.records import Campaign, Coded, Cost, Scored
from ctc.records.timing import DECODER, ENCODER
from ctc.report.tables import absent_pictures, codec_names, number_text, picture_names, unread_pictures
from ctc.timing.results import CellTime, cell_times, whole_places
from ctc.timing.schedule import Place

METRICS = ("msssim", "msssim_iqa", "psnr_y", "psnr_u", "psnr_v", "vif", "fsim", "nlpd", "iwssim", "vmaf", "psnr_hvs")
"""The eleven metric columns in the official order."""

CAPPED = {"psnr_y": 100.0, "psnr_u": 100.0, "psnr_v": 100.0, "psnr_hvs": 100.0}
"""What stands for infinity."""
OFF, ABSENT, MISSING = "-100", "-1", "None"
MATCHES = {True: "match", False: "mismatch", None: MISSING}
"""Whether decoding twice gave the same; None where nothing was decoded here."""


@dataclass(frozen=True)
class SummaryReport:
    name: str = "summary"
    file_name: str = "summary.txt"

    def render(self, campaign: Campaign) -> bytes:
        points = {(s.coded.job.codec, s.coded.job.picture.name, s.coded.job.target_bpp): s for s in campaign.scored}
        asked = frozenset(metric.name for metric in campaign.metrics)
        lines = []
        for codec in codec_names(campaign):
            kmac = _kmac(campaign, codec)
            timed = _timed(campaign, codec)
            for picture in (*picture_names(campaign), *unread_pictures(campaign), *(name for name, _ in absent_pictures(campaign))):
                for target in sorted(campaign.target_bpps):
                    scored = points.get((codec, picture, target))
                    if scored is None:
                        lines.append(_absent_line(picture, target))
                    else:
                        lines.append(
                            _point_line(
                                scored,
                                asked,
                                kmac.get((picture, target)),
                                _times(scored.coded, timed, campaign_timed=campaign.timing is not None),
                            )
                        )
        return "".join("\t".join(line) + "\n" for line in lines).encode()


def _point_line(scored: Scored, asked: frozenset[str], kmac: float | None, times: Sequence[str]) -> list[str]:
    coded, job = scored.coded, scored.coded.job
    name = f"{official.reconstruction_stem(job.codec, job.picture.name, job.target_bpp)}.png"
    values = [_value(scored, metric) if metric in asked else OFF for metric in METRICS]
    return [
        name,
        number_text(coded.bpp),
        *values,
        MISSING if kmac is None else number_text(kmac),
        *times,
        MATCHES[scored.repeatable],
    ]


def _absent_line(picture: str, target_bpp: float) -> list[str]:
    name = f"No_rec_for_{official.picture_stem(picture)}_RATE{official.rate_text(target_bpp)}"
    return [name, ABSENT, *[ABSENT] * len(METRICS), *[MISSING] * 5, "mismatch"]


def _kmac(campaign: Campaign, codec: str) -> dict[tuple[str, float], float]:
    """By picture and target rate; not of pictures for which others stand in, since what is computed may depend on what is coded."""
    found: dict[tuple[str, float], float] = {}
    for counted in (each for each in campaign.counted if each.codec == codec):
        others = dict(counted.stand_ins)
        for count in (each for each in counted.counts if each.picture.name not in others):
            value = count.kmac_per_pixel("decoder", "official")
            if value is not None:
                found[count.picture.name, count.target_bpp] = value
    return found


def _value(scored: Scored, metric: str) -> str:
    value = scored.value(metric)
    if value is None or math.isnan(value):
        return MISSING
    return number_text(min(value, CAPPED.get(metric, math.inf)))


def _timed(campaign: Campaign, codec: str) -> dict[Place, CellTime]:
    """What the timing campaign says of the codec's points of which every sample was taken."""
    if campaign.timing is None:
        return {}
    whole = whole_places(campaign.timing)
    return {cell.place: cell for cell in cell_times(campaign.timing) if cell.place[0] == codec and cell.place in whole}


def _times(coded: Coded, timed: Mapping[Place, CellTime], *, campaign_timed: bool) -> list[str]:
    """Seconds of decoding on GPU, on CPU, encoding on GPU, on CPU; the device that was not used has none."""
    job = coded.job
    sides = ((DECODER, coded.decode), (ENCODER, coded.encode))
    cells = [(timed.get((job.codec, job.picture.name, job.target_bpp, side)), cost) for side, cost in sides]
    # Medians of a campaign and single times do not go together.
    taken = [_taken(cell, None if campaign_timed else cost) for cell, cost in cells]
    return [_seconds(each, gpu) for each in taken for gpu in (True, False)]


def _taken(cell: CellTime | None, cost: Cost | None) -> tuple[float, str] | None:
    """Seconds, and the device. None where the machine did other work: while the point was coded, or during so many samples of it that the
    median may be of one of them."""
    if cell is not None:
        return (cell.time.median, cell.device) if 2 * cell.busy < cell.time.samples else None
    return (cost.wall_s, cost.device) if cost is not None and cost.machine_idle else None


def _seconds(taken: tuple[float, str] | None, gpu: bool) -> str:
    if taken is None or gpu == (taken[1] == "cpu"):
        return MISSING
    return number_text(taken[0])


REPORTS = (SummaryReport(),)

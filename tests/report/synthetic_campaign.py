"""A small campaign with everything in it that a report may meet. All of its numbers are made up by formula."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import replace

from ctc.bdrate.tables import bd_rates
from ctc.checks import run_checks
from ctc.records import (
    BD_TARGET_BPPS,
    Campaign,
    CodecInfo,
    Coded,
    Cost,
    Counts,
    Failed,
    Job,
    Knob,
    Machine,
    MetricInfo,
    Parity,
    Picture,
    PixelFormat,
    Score,
    Scored,
    Unreachable,
)
from ctc.validity import point_validity

NASTY = 'a "b" <script>alert(1)</script>'
"""A picture's name that must be escaped wherever it is shown."""
FORMULA = "=1+1, of 'quotes'\nand lines.png"
"""A name that a spreadsheet could take for a formula and a CSV file for three cells."""
UNREAD = "broken, not a picture.png"
SMALL = "café.png"
ANCHOR = "vvc-vvenc"

_MACHINE = Machine("5f0c1e", "bench-1", "Imaginary CPU @ 3.0 GHz", 16, 64 * 2**30, "Linux 6.1", "3.11.9")
_SIZES = ((2096, 1400), (1336, 872), (960, 1280), (3680, 2456), (512, 512), (1744, 1160), (640, 427), (200, 150))
_NAMES = ("00001_TE_2096x1400.png", "00005_TE_1336x872.png", NASTY, FORMULA, "astronaut.png", "pepper, red.png", "coffee.png", SMALL)
_GAINS = {"jpeg": 1.3, "hevc-x265": 0.16, ANCHOR: 0.0, "jpegai-bop": -0.22}
"""Hypothetical rate of each codec over the anchor's at equal quality, minus one."""
_METRICS = {
    "msssim": ("MS-SSIM", "", True, 0.90, 0.985, 0.5),
    "msssim_iqa": ("MS-SSIM (IQA)", "", True, 0.89, 0.984, 0.5),
    "iwssim": ("IW-SSIM", "", True, 0.86, 0.985, 0.6),
    "vmaf": ("VMAF", "", True, 48.0, 92.0, 0.8),
    "vif": ("VIF", "", True, 0.27, 0.65, 0.9),
    "fsim": ("FSIM", "", True, 0.966, 0.998, 0.5),
    "nlpd": ("NLPD", "", False, 0.324, 0.099, 0.9),
    "psnr_hvs_m": ("PSNR-HVS-M", "dB", True, 24.0, 40.0, 1.0),
    "psnr_hvs": ("PSNR-HVS", "dB", True, 23.0, 36.3, 1.0),
    "psnr_y": ("PSNR-Y", "dB", True, 27.0, 37.7, 1.0),
    "psnr_u": ("PSNR-U", "dB", True, 36.5, 43.7, 1.0),
    "psnr_v": ("PSNR-V", "dB", True, 37.6, 44.5, 1.0),
}
"""label, unit, higher is better, value at 0.06 and at 0.75 bpp, exponent of the curve between them."""


def hypothetical_campaign(
    targets: tuple[float, ...] = BD_TARGET_BPPS, *, gains: Mapping[str, float] = _GAINS, off: float = 0.13
) -> Campaign:
    """Eight pictures, four codecs, twelve metrics, and one of each thing that can be missing; one point is `off` its target rate."""
    pictures = tuple(_picture(number, name) for number, name in enumerate(_NAMES))
    codecs = tuple(_codec(name) for name in _GAINS)
    jobs = [Job(picture, codec.name, codec.version, target) for codec in codecs for picture in pictures for target in targets]
    unreachable = tuple(_unreachable(job) for job in jobs if _is_unreachable(job))
    failed = (
        Failed(UNREAD, "", None, "read", "PictureError: not a PNG file"),
        Failed(
            NASTY, "hevc-x265", targets[-1], "encode", "ToolFailed: exit status 1", "ffmpeg -i '<in>' out", "last line\nx265 [error]: <b>&"
        ),
    )
    scored = tuple(_scored(job, gains, off) for job in jobs if not _is_unreachable(job) and not _is_failed(job, targets))
    campaign = Campaign(
        dataset="demo",
        command="python run_ctc.py --set demo --codecs jpeg,hevc-x265,jpegai-bop",
        codecs=codecs,
        metrics=tuple(_metric(name) for name in _METRICS),
        pictures=pictures,
        target_bpps=targets,
        rate_tolerance=0.1,
        internal_bits=10,
        metric_device="cpu",
        anchor=ANCHOR,
        anchor_note="vvc-vtm was not found; vvc-vvenc (4:2:0) stands in, so chroma metrics are not comparable with the official anchor",
        scored=scored,
        unreachable=unreachable,
        failed=failed,
        machine=_MACHINE,
        versions=(("numpy", "2.3.4"), ("torch", "2.11.0")),
        counts=Counts(600, 40, 150, 10, 1700, 100),
        started="2026-03-01T09:30:00Z",
        wall_s=1834.25,
        parity=(
            Parity("msssim", 9, 0, 2.6e-6, 5e-6),
            Parity("vif", 9, 1, 8.1e-5, 7e-5),
            Parity("own", 0, 0, None, None, "no official values are at hand"),
        ),
    )
    return judged(campaign)


def clean_campaign() -> Campaign:
    """The same without anything missing, all rates near their targets and all curves near the anchor's: a table that is valid."""
    campaign = hypothetical_campaign(gains={name: gain / 4 for name, gain in _GAINS.items()}, off=0.03)
    codecs = tuple(codec for codec in campaign.codecs if codec.name != "jpeg")
    pictures = tuple(picture for picture in campaign.pictures if picture.name not in (NASTY, SMALL))
    jobs = {(codec.name, picture.name) for codec in codecs for picture in pictures}
    scored = tuple(s for s in campaign.scored if (s.coded.job.codec, s.coded.job.picture.name) in jobs)
    return judged(
        replace(
            campaign,
            codecs=codecs,
            pictures=pictures,
            scored=scored,
            unreachable=(),
            failed=(),
            parity=(Parity("vif", 9, 0, 5.1e-5, 7e-5),),
        )
    )


def judged(campaign: Campaign) -> Campaign:
    """The campaign with its BD-rates, what the checks say and the validity of its points."""
    with_rates = replace(campaign, bd=bd_rates(campaign))
    return replace(with_rates, findings=run_checks(with_rates), validity=point_validity(with_rates))


def _hash(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def _noise(*parts: object) -> float:
    """Evenly spread over -1 to 1, decided by `parts`."""
    return int(_hash(*parts)[:8], 16) / 0x7FFFFFFF - 1


def _point(job: Job) -> tuple[str, str, float]:
    return job.codec, job.picture.name, job.target_bpp


def _picture(number: int, name: str) -> Picture:
    width, height = _SIZES[number]
    return Picture("demo", name, f"/somewhere/private/{number}.png", width, height, 8, "RGB", _hash("picture", number))


def _codec(name: str) -> CodecInfo:
    note = "codes 4:2:0, the anchor of the common test conditions 4:4:4" if name == ANCHOR else ""
    pixels = PixelFormat("yuv", "420", 10, multiple_of=2) if name == ANCHOR else PixelFormat("ppm")
    qp = Knob("QP", 0, 63, True, False, ((0.1, 40), (1.0, 22)))
    knob = Knob("quality", 1, 100, True, True, ((0.2, 20), (1.0, 80))) if name == "jpeg" else qp
    return CodecInfo(
        name, f"{name} 1.2 (fixed settings)", pixels, knob, f"The {name} standard, https://example.org/{name}", note, learned=False
    )


def _metric(name: str) -> MetricInfo:
    label, unit, higher, *_ = _METRICS[name]
    return MetricInfo(name, label, "1", higher, "0 to 1" if not unit else "0 to inf", unit, f"Paper of {label}, 2004", "a program")


def _is_unreachable(job: Job) -> bool:
    return job.codec == "jpeg" and job.target_bpp <= 0.06 and job.picture.width < 2000


def _is_failed(job: Job, targets: tuple[float, ...]) -> bool:
    return job.codec == "hevc-x265" and job.picture.name == NASTY and job.target_bpp == targets[-1]


def _unreachable(job: Job) -> Unreachable:
    return Unreachable(job, 1, 0.071 + 0.01 * _noise(*_point(job)), 3, "the lowest quality already needs more bits")


def _scored(job: Job, gains: Mapping[str, float], off: float) -> Scored:
    too_much = (job.picture.name, job.codec, job.target_bpp) == (FORMULA, "jpegai-bop", 0.5)
    deviation = off if too_much else 0.07 * _noise("rate", *_point(job))
    size = round(job.target_bpp * (1 + deviation) * job.picture.pixels / 8)
    bpp = 8 * size / job.picture.pixels
    seconds = {"jpeg": 0.02, "hevc-x265": 0.9, ANCHOR: 6.5, "jpegai-bop": 2.2}[job.codec] * job.picture.pixels / 1e6
    idle = job.codec != "hevc-x265"
    elsewhere = job.codec == "jpegai-bop" and job.picture.name == "coffee.png"
    coded = Coded(
        job=job,
        setting=float(round(46 - 6 * math.log2(bpp / 0.06))) if job.codec != "jpeg" else float(round(20 + 15 * math.log2(bpp / 0.06))),
        bytes=size,
        bpp=bpp,
        deviation=bpp / job.target_bpp - 1,
        tries=2 + round(2 + 2 * _noise("tries", *_point(job))),
        bitstream_sha256=_hash("bits", *_point(job)),
        decoded_sha256=_hash("decoded", *_point(job)),
        encode=None if elsewhere else Cost(seconds, seconds, 180 * 2**20, "cpu", 1, _MACHINE.identity, idle),
        decode=None if elsewhere else Cost(seconds / 9, seconds / 9, 90 * 2**20, "cpu", 1, _MACHINE.identity, idle),
        encode_command=(job.codec, "-q", "30", job.picture.name, "out.bits"),
        decode_command=(job.codec, "-d", "out.bits", "decoded.png"),
    )
    return Scored(coded, True, tuple(_score(job, bpp, name, gains[job.codec]) for name in _METRICS))


def _score(job: Job, bpp: float, name: str, typical_gain: float) -> Score:
    if name == "vmaf" and job.picture.name == SMALL:
        return Score(name, None, "picture too small")
    if name == "psnr_v" and job.picture.name == "astronaut.png" and job.codec == ANCHOR and job.target_bpp == 0.75:
        return Score(name, math.inf)
    _, _, _, low, high, bend = _METRICS[name]
    gain = typical_gain * (1 + 0.4 * _noise(name, job.codec) + 0.4 * _noise(job.picture.sha256, job.codec))
    effort = math.log2(bpp / (1 + gain) / 0.06 * (1 + 0.5 * _noise("picture", job.picture.sha256))) / math.log2(0.75 / 0.06)
    share = effort if bend == 1 else 1 / (1 + math.exp(-3 * effort))
    floor = low if bend == 1 else low - 0.6 * (high - low)
    return Score(name, floor + (high - floor) * share)

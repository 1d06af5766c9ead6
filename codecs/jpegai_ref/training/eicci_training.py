"""The training of eICCI on recordings, and what the filter gains on others."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy

import numpy as np
import torch
from pytorch_msssim import ms_ssim
from torch import Tensor

from jpegai_ref.colour import CENTRE, PEAK
from jpegai_ref.eicci_network import Eicci, planes_of_blocks, samples_of_blocks
from jpegai_ref.model import OPERATING_POINTS, OperatingPoint
from jpegai_ref.tool_constants import MODELS
from jpegai_ref.training.eicci_loss import LumaShares, loss
from jpegai_ref.training.eicci_recordings import Recording

SIDE = 176
"""Of what a step sees of a recording."""
CROPS = 1
"""Of a step, each as all operating points decode it."""
LEARNING_RATE, LAST_LEARNING_RATE = 4e-3, 5e-5
STRENGTH_RATE = 0.02
"""Of the learning rate of all else: strengths begin at 0.1 and would fall to 0, and stay there, before the rest has learnt anything."""
WARM_UP = 50
"""Steps."""
LONGEST_AVERAGE = 0.998
REPORT_EVERY = 100

Passed = Callable[[int], float]
"""Steps that are done -> the share of the training that has passed; it ends at 1."""
Report = Callable[[str], None]


def trained(recordings: Sequence[Recording], seed: int, passed: Passed, report: Report, shares: LumaShares | None = None) -> Eicci:
    """Networks with averaged weights, from fresh ones. The same recordings, seed and number of steps give the same networks."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        networks = Eicci()
    average, random = deepcopy(networks), np.random.default_rng((seed, 1))
    strengths = [network.strength for network in (networks.luma, networks.chroma)]
    others = [parameter for name, parameter in networks.named_parameters() if not name.endswith("strength")]
    parts = ((others, 1.0), (strengths, STRENGTH_RATE))
    optimiser = torch.optim.Adam([{"params": chosen, "share": share} for chosen, share in parts], LEARNING_RATE, betas=(0.9, 0.99))
    total, step = 0.0, 0
    while (share := passed(step)) < 1:
        rate = LAST_LEARNING_RATE + (LEARNING_RATE - LAST_LEARNING_RATE) * (1 + math.cos(math.pi * share)) / 2
        for group in optimiser.param_groups:
            group["lr"] = group["share"] * rate * min((step + 1) / WARM_UP, 1)
        value = _loss(networks, recordings, step % MODELS, random, shares or LumaShares())
        optimiser.zero_grad()
        value.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(networks.parameters(), 1.0)
        optimiser.step()
        step += 1
        _average(average, networks, min(LONGEST_AVERAGE, step / (9 + step)))
        total += float(value.detach())
        if step % REPORT_EVERY == 0:
            report(f"step {step}, {100 * share:.0f} %: of the errors of Y, U, V are left {100 * total / REPORT_EVERY / 3:.2f} %")
            total = 0.0
    return average.eval().requires_grad_(False)


def _loss(networks: Eicci, recordings: Sequence[Recording], model_id: int, random: np.random.Generator, shares: LumaShares) -> Tensor:
    parts = [_part(recordings[int(random.integers(len(recordings)))], model_id, random) for _ in range(CROPS)]
    original, decoded = (torch.stack(planes) for planes in zip(*parts, strict=True))
    # Operating points are the first axis, crops the second.
    decoded = decoded.transpose(0, 1)
    filtered = [corrected(networks, one, point, model_id) for one, point in zip(decoded, OPERATING_POINTS, strict=True)]
    return loss(torch.cat(filtered), decoded.flatten(0, 1), original.repeat(len(OPERATING_POINTS), 1, 1, 1), shares)


def _part(recording: Recording, model_id: int, random: np.random.Generator) -> tuple[Tensor, Tensor]:
    """A crop of a recording, flipped and turned at random: original (3, h, w), decoded (3 operating points, 3, h, w)."""
    top, left = (int(random.integers(0, size - SIDE + 1)) for size in recording.original.shape[1:])
    window = (..., slice(top, top + SIDE), slice(left, left + SIDE))
    flip, turns = bool(random.integers(2)), int(random.integers(4))

    def turned(planes: Tensor) -> Tensor:
        part = planes[window].float()
        return torch.rot90(part.flip(-1) if flip else part, turns, (-2, -1))

    return turned(recording.original), turned(recording.decoded[:, model_id])


def corrected(networks: Eicci, planes: Tensor, operating_point: OperatingPoint, model_id: int) -> Tensor:
    """Y, U, V (N, 3, h, w) in [0, 255], sides multiples of 4, behind the filter in all planes; not clamped."""
    samples = samples_of_blocks(planes - CENTRE)
    parts = [planes_of_blocks(network(samples, operating_point, model_id)) for network in (networks.luma, networks.chroma)]
    return planes + torch.cat(parts, 1)


@torch.no_grad()
def _average(average: Eicci, networks: Eicci, keep: float) -> None:
    for kept, new in zip(average.parameters(), networks.parameters(), strict=True):
        kept.lerp_(new, 1 - keep)


def gains(networks: Eicci, held_out: Sequence[Recording]) -> Iterator[str]:
    """Mean rise of PSNR by plane, and what is left of 1 - MS-SSIM of luma, a line for each model and operating point."""
    for model_id in range(MODELS):
        for place, operating_point in enumerate(OPERATING_POINTS):
            rises, lost = [], []
            for recording in held_out:
                original, decoded = recording.original.float()[None], recording.decoded[place, model_id].float()[None]
                with torch.inference_mode():
                    filtered = corrected(networks, decoded, operating_point, model_id).clamp(0, PEAK)
                    rises.append((_decibel(filtered, original) - _decibel(decoded, original)).numpy())
                    lost.append([1 - float(ms_ssim(planes[:, :1], original[:, :1], data_range=PEAK)) for planes in (filtered, decoded)])
            y, u, v = np.mean(rises, 0)
            left = np.divide(*np.mean(lost, 0))
            rise = f"PSNR Y {y:+.3f}, U {u:+.3f}, V {v:+.3f} dB"
            yield f"held out, model {model_id}, {operating_point}: {rise}, 1 - MS-SSIM {100 * (left - 1):+.2f} %"


def _decibel(planes: Tensor, original: Tensor) -> Tensor:
    """PSNR of each plane, (3,)."""
    return 10 * torch.log10(PEAK**2 / (planes - original).square().mean((0, 2, 3)))

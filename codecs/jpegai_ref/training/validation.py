"""How good the networks are on pictures that they are not trained on, at the four models' own rates."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from pytorch_msssim import ms_ssim
from torch import Tensor

from jpegai_ref.colour import PEAK, denormalise
from jpegai_ref.distortion import distortion, plane_mse
from jpegai_ref.model import Model, OperatingPoint
from jpegai_ref.training.forward import Rates, Rounding, code, planes_of
from jpegai_ref.training.log import ValidationRow
from jpegai_ref.training.stages import Stage
from jpegai_ref.variable_rate import RATE_MODELS

PICTURES_AT_ONCE = 4


def psnr(mse: float) -> float:
    """In dB, of samples in [0, 255]; infinite for no error."""
    return 10 * math.log10(PEAK**2 / mse) if mse else math.inf


@torch.no_grad()
def validate(model: Model, pictures: Tensor, stage: Stage, step: int) -> Iterator[ValidationRow]:
    """A row for each model id and each decoder of the stage, SOP and BOP where it has none; `pictures` uint8 (N, 3, H, W).

    Rates are estimates from likelihoods.
    """
    rounding = Rounding(stage.rounding.integer_scales, stage.rounding.skip, noise=False)
    decoders: tuple[OperatingPoint, ...] = tuple(stage.decoders) or ("sop", "bop")
    for model_id in range(len(RATE_MODELS)):
        rows = {name: torch.zeros(7, dtype=torch.float64) for name in decoders}
        for batch in torch.split(pictures, PICTURES_AT_ONCE):
            planes = planes_of(batch)
            height, width = planes.shape[-2:]
            ids = torch.full((len(batch),), model_id, device=planes.device)
            coded = code(model, planes, Rates(ids, torch.zeros_like(ids)), rounding)
            for name, sums in rows.items():
                decoder = model.synthesiser(name, model_id if stage.frozen else 0)
                shown = denormalise(decoder(coded.luma, coded.chroma, height, width).float())
                mse = plane_mse(shown, planes).double()
                bpp = coded.bits.double() / (height * width)
                cost = bpp + RATE_MODELS[model_id].beta * distortion(shown, planes, ids, mixed=False)
                luma_psnr = 10 * torch.log10(PEAK**2 / mse[:, 0])
                with torch.autocast(planes.device.type, enabled=False):
                    structure = ms_ssim(shown[:, :1], planes[:, :1], data_range=PEAK, size_average=False).double()
                values = (bpp, coded.hyper_bits.double() / (height * width), luma_psnr, mse[:, 1], mse[:, 2], structure, cost)
                sums += torch.stack([value.sum() for value in values]).cpu()
        for name, sums in rows.items():
            bpp, hyper_bpp, psnr_y, mse_u, mse_v, structure, cost = (sums / len(pictures)).tolist()
            yield ValidationRow(step, stage.name, model_id, name, bpp, hyper_bpp, psnr_y, psnr(mse_u), psnr(mse_v), structure, cost)

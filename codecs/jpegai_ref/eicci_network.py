"""The trained filter of eICCI: small residual networks on the Haar bands of Y, U and V together.

    Y, U, V (N, 3, h, w), from -127.5 to 127.5 -- / 255 -- Haar, two levels -- bands (N, 48, h/4, w/4)
    trunk:  C3 48->c -- ReLU -- n times [ f + C3x1(ReLU(C1x3(f))) ]
    head:   C3 c->16, times a learned strength -- inverse Haar -- * 255 -- added to the plane        (N, 1, h, w)

Luma has a trunk with one head; U and V share a trunk with a head each. All models and operating points share the weights; the first
bias and the strengths are their own. There is no normalisation: what a trained one does, the convolutions' weights can hold.

Both Haar transforms are linear, so that they, and the factors, are folded into the first and the last convolution: what runs works on
the 16 samples of each 4x4 block.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from jpegai_ref.blocks import conv
from jpegai_ref.colour import PEAK
from jpegai_ref.eicci_geometry import BANDS, BLOCK, CHROMA_WIDTHS, LUMA_WIDTHS, PLANES, EicciWidths
from jpegai_ref.model import OPERATING_POINTS, OperatingPoint
from jpegai_ref.tool_constants import MODELS

PREFIX = "tools.eicci."
"""Of the tensors in a file of weights."""
FIRST_STRENGTH = 0.1
"""Of an untrained network, whose last convolution is 0: it changes nothing."""


def haar_matrix() -> Tensor:
    """(16 bands, 16 samples), orthonormal. Samples of a 4x4 block row by row; bands LL, HL, LH, HH of the first level, each split alike."""
    signs = torch.tensor([[1, 1, 1, 1], [-1, -1, 1, 1], [-1, 1, -1, 1], [1, -1, -1, 1]], dtype=torch.float32) / 2
    # Samples of a 2x2 block are counted (0, 0), (1, 0), (0, 1), (1, 1): rows first.
    level = signs.reshape(4, 2, 2).transpose(1, 2)
    # band, band of it; row in the half-size plane, row in the block of two, and the same of columns
    return torch.einsum("arc,bRC->abRrCc", level, level).reshape(BANDS, BANDS)


class ResidualPair(nn.Module):
    """f (N, c, h, w) -- C1x3 -- ReLU -- C3x1 -- + f -- (N, c, h, w). The last layer starts near zero."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.across = nn.Conv2d(channels, channels, (1, 3), padding=(0, 1))
        self.down = nn.Conv2d(channels, channels, (3, 1), padding=(1, 0))
        nn.init.normal_(self.down.weight, std=1e-2)

    def forward(self, f: Tensor) -> Tensor:
        out: Tensor = f + self.down(F.relu(self.across(f)))
        return out


class BandFilter(nn.Module):
    """A trunk with its heads, for all models and operating points.

    samples (N, 48, h/4, w/4) of Y, U, V, -127.5..127.5, as `samples_of_blocks` has them -> corrections (N, 16 heads, h/4, w/4) of samples.
    """

    haar: Tensor

    def __init__(self, widths: EicciWidths) -> None:
        super().__init__()
        self.widths = widths
        self.first = conv(PLANES * BANDS, widths.channels, 3, bias=False)
        self.first_bias = nn.Parameter(torch.zeros(len(OPERATING_POINTS), MODELS, widths.channels))
        self.blocks = nn.ModuleList(ResidualPair(widths.channels) for _ in range(widths.blocks))
        self.last = conv(widths.channels, widths.heads * BANDS, 3)
        self.strength = nn.Parameter(torch.full((len(OPERATING_POINTS), MODELS, widths.heads), FIRST_STRENGTH))
        self.register_buffer("haar", haar_matrix(), persistent=False)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)  # type: ignore[arg-type]

    def folded(self, operating_point: OperatingPoint, model_id: int) -> FoldedFilter:
        """What runs for an operating point and a model id 0..3; gradients pass through it."""
        place = OPERATING_POINTS.index(operating_point), model_id
        channels = self.widths.channels
        first = self.first.weight.reshape(channels, PLANES, BANDS, 3, 3)
        first = torch.einsum("opbyx,bs->opsyx", first, self.haar / PEAK).flatten(1, 2)
        strength = PEAK * self.strength[place][:, None]
        weight = self.last.weight.reshape(-1, BANDS, channels, 3, 3) * strength[..., None, None, None]
        bias = self.last.bias.reshape(-1, BANDS) * strength  # type: ignore[union-attr]
        last = torch.einsum("hbiyx,bs->hsiyx", weight, self.haar).flatten(0, 1)
        return FoldedFilter(_with_weights(first, self.first_bias[place]), self.blocks, _with_weights(last, (bias @ self.haar).flatten()))

    def forward(self, samples: Tensor, operating_point: OperatingPoint, model_id: int) -> Tensor:
        return self.folded(operating_point, model_id)(samples)


@dataclass(frozen=True, eq=False)
class FoldedFilter:
    """A trunk with its heads, the Haar transforms and strengths in its weights."""

    first: nn.Conv2d
    blocks: nn.ModuleList
    last: nn.Conv2d

    def __call__(self, samples: Tensor) -> Tensor:
        """(N, 48, h/4, w/4) -> (N, 16 heads, h/4, w/4)."""
        f = F.relu(self.first(samples))
        for block in self.blocks:
            f = block(f)
        corrections: Tensor = self.last(f)
        return corrections


def _with_weights(weight: Tensor, bias: Tensor) -> nn.Conv2d:
    """A layer of weights that are computed: a module, so that who counts operations by modules sees it; gradients pass."""
    outputs, inputs, *kernel = weight.shape
    layer = nn.Conv2d(inputs, outputs, (kernel[0], kernel[1]), padding=(kernel[0] // 2, kernel[1] // 2), device="meta")
    for name, values in (("weight", weight), ("bias", bias)):
        # A parameter would be a leaf, at which gradients end.
        delattr(layer, name)
        setattr(layer, name, values)
    return layer


class Eicci(nn.Module):
    """The filters of luma and of chroma."""

    def __init__(self) -> None:
        super().__init__()
        self.luma = BandFilter(LUMA_WIDTHS)
        self.chroma = BandFilter(CHROMA_WIDTHS)


def network_tensors(networks: Eicci) -> dict[str, Tensor]:
    """For a file of weights, in half precision. Raises ValueError for values that it cannot hold."""
    tensors = {f"{PREFIX}{name}": tensor.detach().half() for name, tensor in networks.state_dict().items()}
    if not all(torch.isfinite(tensor).all() for tensor in tensors.values()):
        raise ValueError("the networks of eICCI have values that half precision cannot hold")
    return tensors


def networks_of(tensors: Mapping[str, Tensor], device: torch.device) -> Eicci | None:
    """From the tensors `tools.eicci....` of a file, in float32, on a device; None where there are none.

    Raises ValueError where they are not those of the networks."""
    state = {name.removeprefix(PREFIX): tensor.float() for name, tensor in tensors.items() if name.startswith(PREFIX)}
    if not state:
        return None
    networks = Eicci()
    try:
        networks.load_state_dict(state)
    except RuntimeError as error:
        raise ValueError(f"the networks of eICCI are others: {str(error).splitlines()[-1].strip()}") from error
    return networks.eval().requires_grad_(False).to(device)


def samples_of_blocks(planes: Tensor) -> Tensor:
    """Planes (N, c, h, w), sides multiples of 4, to the 16 samples of each 4x4 block, (N, 16c, h/4, w/4), channels last in memory."""
    number, channels, height, width = planes.shape
    blocks = planes.reshape(number, channels, height // BLOCK, BLOCK, width // BLOCK, BLOCK)
    # One copy, where pixel_unshuffle and a change of layout behind it are two.
    return blocks.permute(0, 2, 4, 1, 3, 5).flatten(3).permute(0, 3, 1, 2)


def planes_of_blocks(samples: Tensor) -> Tensor:
    """The inverse of `samples_of_blocks`."""
    return F.pixel_shuffle(samples, BLOCK)

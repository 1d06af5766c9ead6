"""All networks of the codec together.

RGB -- colour -- luma (N, 1, H, W), 12 planes (N, 12, H/2, W/2)
    -- LumaAnalysis, ChromaAnalysis -- y (N, 128, H/16, W/16) and (N, 64, H/16, W/16)
each component:
    y -- HyperEncoder -- z -- z_hat --+-- HyperScaleDecoder -- sigma levels
                                      +-- HyperDecoder -- psi -- means (luma: ContextModel) -- y_hat
y_hat luma, y_hat chroma -- Synthesis of one operating point -- Y, U, V (N, 3, H, W)
"""

from __future__ import annotations

from torch import Tensor, nn

from jpegai_ref.analysis import ChromaAnalysis, LumaAnalysis
from jpegai_ref.context import ContextModel
from jpegai_ref.dimensions import OPERATING_POINTS as OPERATING_POINTS
from jpegai_ref.dimensions import Dimensions
from jpegai_ref.dimensions import OperatingPoint as OperatingPoint
from jpegai_ref.factorised import FactorisedModel
from jpegai_ref.hyper import HyperDecoder, HyperEncoder, HyperScaleDecoder
from jpegai_ref.synthesis import Synthesis
from jpegai_ref.variable_rate import RATE_MODELS, GainVectors

COPIES: dict[OperatingPoint, int] = {"sop": 2, "bop": 2, "hop": 1}
"""How many sets of synthesis weights share the four model ids; the lower ids have the first."""


class Hyperprior(nn.Module):
    """The entropy part of one component with C channels, and its prediction psi."""

    def __init__(self, channels: int, slim: bool) -> None:
        super().__init__()
        self.encoder = HyperEncoder(channels, slim)
        self.decoder = HyperDecoder(channels)
        self.scale_decoder = HyperScaleDecoder(channels)
        self.symbols = FactorisedModel(channels)
        self.gains = GainVectors(channels)


class Model(nn.Module):
    """Every trained part; `analyse` and `synthesise` are what coder and training have in common."""

    def __init__(self, d: Dimensions) -> None:
        super().__init__()
        self.dimensions = d
        self.luma_analysis = LumaAnalysis(d)
        self.chroma_analysis = ChromaAnalysis(d)
        self.luma_prior = Hyperprior(d.luma_latent, d.slim_hyper_encoder)
        self.chroma_prior = Hyperprior(d.chroma_latent, d.slim_hyper_encoder)
        self.context = ContextModel(d.luma_latent)
        self.synthesis = nn.ModuleDict({name: nn.ModuleList(Synthesis(d, name) for _ in range(COPIES[name])) for name in OPERATING_POINTS})

    def analyse(self, luma: Tensor, planes: Tensor) -> tuple[Tensor, Tensor]:
        """luma (N, 1, H, W), planes (N, 12, H/2, W/2), see `colour.analysis_input` -> both latents, not quantised."""
        return self.luma_analysis(luma), self.chroma_analysis(planes)

    def synthesiser(self, operating_point: OperatingPoint, model_id: int) -> Synthesis:
        """The decoder that serves a model id 0..3. Raises ValueError for another id."""
        if not 0 <= model_id < len(RATE_MODELS):
            raise ValueError(f"model id {model_id} is not in 0..{len(RATE_MODELS) - 1}")
        copies = self.synthesis_copies(operating_point)
        return copies[model_id * len(copies) // len(RATE_MODELS)]

    def synthesis_copies(self, operating_point: OperatingPoint) -> list[Synthesis]:
        """All sets of weights of an operating point, for the lowest model ids first."""
        return [copy for copy in self.synthesis[operating_point].children() if isinstance(copy, Synthesis)]

    def copy_synthesis(self) -> None:
        """Gives every copy of an operating point the weights of the first, before they are trained apart."""
        for operating_point in OPERATING_POINTS:
            first, *others = self.synthesis_copies(operating_point)
            for copy in others:
                copy.load_state_dict(first.state_dict())

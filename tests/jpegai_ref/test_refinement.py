"""RDLR: the encoder's own choice of symbols. Streams are ordinary ones, and their loss is never larger than without."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from jpegai_ref.analysed import analysed
from jpegai_ref.channel_prefix import ChannelPrefix
from jpegai_ref.coder import Coder
from jpegai_ref.colour import ycc_from_rgb
from jpegai_ref.decoder import decode
from jpegai_ref.decoder_gradient import DecoderErrors
from jpegai_ref.distributions import residual_bounds, residual_masses
from jpegai_ref.encoder import Encoded, Setting, encode, encode_analysed
from jpegai_ref.picture import Picture
from jpegai_ref.picture_header import Tiling
from jpegai_ref.rate_matching import MOST_REFINEMENTS, matched
from jpegai_ref.refinement import Parts, Problem, Refined, refined, worth_in_bits
from jpegai_ref.regions import Regions
from jpegai_ref.symbol_bits import LARGEST, bit_table, residual_bits
from jpegai_ref.tools import NO_TOOLS, NotRefinable, Tools
from jpegai_ref.training.fit_score import Reference

from ctc.bdrate.delta import bd_rate
from tests.jpegai_ref.sample_pictures import digest, grey, rgb, ycc

BASE = Setting(1, 0)
RDLR = Tools(rdlr=True)
SETTINGS = (Setting(0, 0), Setting(1, 0), Setting(1, 300), Setting(2, 100))
pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def worths(monkeypatch: pytest.MonkeyPatch) -> list[torch.Tensor]:
    """What the encoder took each error to be worth, the latest refinement last."""
    found: list[torch.Tensor] = []

    def kept(bits: float, errors: torch.Tensor) -> torch.Tensor:
        found.append(worth_in_bits(bits, errors))
        return found[-1]

    monkeypatch.setattr("jpegai_ref.refinement.worth_in_bits", kept)
    return found


def latents_of(encoded: Encoded) -> list[torch.Tensor]:
    return [latent for latent in (encoded.quantised.luma, encoded.quantised.chroma) if latent is not None]


def luma(picture: Picture) -> torch.Tensor:
    return ycc_from_rgb(torch.from_numpy(np.stack(picture.planes).astype(np.float32)))[0]


def loss(coder: Coder, picture: Picture, encoded: Encoded, worth: torch.Tensor) -> float:
    """Of a picture that needs no repetition to the smallest size."""
    errors = DecoderErrors(coder, picture, encoded.quantised).values(latents_of(encoded))
    return 8 * len(encoded.data) + float((worth * errors).sum())


@pytest.mark.parametrize(
    ("picture", "setting"),
    [
        (rgb(176, 180), Setting(0, 100)),
        (rgb(97, 131), BASE),
        (grey(70, 81), BASE),
        (ycc(71, 80, 10), Setting(2, 0)),
        (ycc(65, 67, 10, (1, 2)), BASE),
    ],
    ids=["large", "rgb", "grey", "420", "422"],
)
def test_the_loss_falls_and_both_sides_agree(own_coder: Coder, picture: Picture, setting: Setting, worths: list[torch.Tensor]) -> None:
    plain, refined = (encode(own_coder, picture, setting, tools) for tools in (NO_TOOLS, RDLR))
    assert loss(own_coder, picture, refined, worths[-1]) < loss(own_coder, picture, plain, worths[-1])
    assert digest(decode(own_coder, refined.data, "bop")) == digest(refined.reconstruction(own_coder, "bop"))
    assert refined.header.luma.may_skip == plain.header.luma.may_skip


def test_it_may_find_nothing_and_is_never_worse(own_coder: Coder, worths: list[torch.Tensor]) -> None:
    """Chroma of half the size, at a low rate."""
    picture, setting = ycc(71, 80, 10), Setting(3, -300)
    plain, refined = (encode(own_coder, picture, setting, tools) for tools in (NO_TOOLS, RDLR))
    assert loss(own_coder, picture, refined, worths[-1]) <= loss(own_coder, picture, plain, worths[-1])
    assert digest(decode(own_coder, refined.data, "bop")) == digest(refined.reconstruction(own_coder, "bop"))


def test_untrained_networks_are_never_worse(tool_coder: Coder, worths: list[torch.Tensor]) -> None:
    picture = rgb(70, 81)
    for tools in (NO_TOOLS, Tools(rvs=True, cwg=True, lsbs=True, lef=True, efe_linear=True)):
        plain = encode(tool_coder, picture, BASE, tools)
        refined = encode(tool_coder, picture, BASE, Tools.parse("+".join(filter(None, [str(tools), "rdlr"]))))
        payloads = [one.quantised.tools for one in (plain, refined)]
        if payloads[0] == payloads[1]:
            assert loss(tool_coder, picture, refined, worths[-1]) <= loss(tool_coder, picture, plain, worths[-1])
        assert digest(decode(tool_coder, refined.data, "sop")) == digest(refined.reconstruction(tool_coder, "sop"))


def test_smallest_and_repeated_pictures(own_coder: Coder) -> None:
    picture = rgb(1, 3)
    refined = encode(own_coder, picture, BASE, RDLR)
    assert digest(decode(own_coder, refined.data, "bop")) == digest(refined.reconstruction(own_coder, "bop"))
    assert decode(own_coder, refined.data, "bop").width == 3


@pytest.mark.parametrize("level", [0, 128, 240, 255])
def test_flat_pictures_are_no_worse(own_coder: Coder, level: int) -> None:
    picture = Picture(tuple(np.full((70, 150), level, np.uint8) for _ in range(3)), 8, "rgb")
    plain, refined = (encode(own_coder, picture, BASE, tools) for tools in (NO_TOOLS, RDLR))
    errors = [torch.mean((luma(encoded.reconstruction(own_coder, "bop")) - luma(picture)).square()) for encoded in (plain, refined)]
    # Less than rounding to codes makes is not worth bits.
    assert errors[1] <= max(errors[0], 0.25)
    assert len(refined.data) < 1.1 * len(plain.data)


def test_only_what_is_shown_counts(own_coder: Coder) -> None:
    """Of a picture that is repeated to the smallest size."""
    picture = rgb(3, 40)
    plain, refined = (encode(own_coder, picture, Setting(3, 900), tools) for tools in (NO_TOOLS, RDLR))
    errors = [torch.mean((luma(encoded.reconstruction(own_coder, "bop")) - luma(picture)).square()) for encoded in (plain, refined)]
    assert errors[1] <= errors[0]
    values = DecoderErrors(own_coder, picture, plain.quantised).values(latents_of(plain))
    # Samples of the file are rounded and clamped to RGB.
    assert float(values[0]) == pytest.approx(float(errors[0]), abs=1)


def test_errors_that_do_not_react_leave_the_symbols_as_they_are(own_coder: Coder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jpegai_ref.refinement.WORTH", (0.0,) * 6)
    plain, refined = (encode(own_coder, rgb(70, 81), BASE, tools) for tools in (NO_TOOLS, RDLR))
    assert refined.data == plain.data
    assert refined.targets is None


@pytest.mark.slow
def test_tiles_threads_and_repetition_give_one_stream(
    own_coder: Coder, worths: list[torch.Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jpegai_ref.encoder.synthesis_tiles", lambda *_: Tiling(256, 64))
    picture, streams = rgb(200, 400), set()
    for threads in (1, 2):
        torch.set_num_threads(threads)
        refined = encode(own_coder, picture, BASE, RDLR)
        streams.add(refined.data)
    torch.set_num_threads(1)
    assert len(streams) == 1
    assert digest(decode(own_coder, refined.data, "bop")) == digest(refined.reconstruction(own_coder, "bop"))
    assert loss(own_coder, picture, refined, worths[-1]) < loss(own_coder, picture, encode(own_coder, picture, BASE), worths[-1])


@pytest.mark.parametrize("kind", range(6), ids=["squared", "structure", "information", "detail", "u", "v"])
def test_the_gradient_is_the_slope_of_each_error(own_coder: Coder, kind: int) -> None:
    picture = ycc(70, 300)
    encoded = encode(own_coder, picture, BASE)
    behind, latents, worth = DecoderErrors(own_coder, picture, encoded.quantised), latents_of(encoded), torch.eye(6)[kind]
    errors, gradients = behind.gradient(latents, worth)
    assert errors.tolist() == pytest.approx(behind.values(latents).tolist(), rel=1e-5)
    direction = [torch.sign(gradient) for gradient in gradients]
    slope = sum(float((gradient * along).sum()) for gradient, along in zip(gradients, direction, strict=True))
    above, below = (
        float(behind.values([latent + sign * 1e-3 * along for latent, along in zip(latents, direction, strict=True)])[kind])
        for sign in (1, -1)
    )
    assert slope > 0
    assert (above - below) / 2e-3 == pytest.approx(slope, rel=0.02)


def test_targets_serve_settings_nearby(own_coder: Coder, worths: list[torch.Tensor]) -> None:
    source = analysed(own_coder, rgb(97, 131))
    targets = encode_analysed(own_coder, source, BASE, RDLR).targets
    assert targets is not None
    near = Setting(1, 40)
    plain, refined = encode_analysed(own_coder, source, near), encode_analysed(own_coder, source, near, RDLR, targets=targets)
    assert loss(own_coder, source.picture, refined, worths[-1]) < loss(own_coder, source.picture, plain, worths[-1])
    with pytest.raises(ValueError, match="RDLR, which is off"):
        encode_analysed(own_coder, source, near, NO_TOOLS, targets=targets)


def test_decisions_hold_the_targets_so_that_rates_have_no_steps(own_coder: Coder) -> None:
    source = analysed(own_coder, rgb(97, 131))
    first = encode_analysed(own_coder, source, BASE, RDLR)
    again = encode_analysed(own_coder, source, BASE, RDLR, first.decisions)
    assert again.data == first.data
    sizes = [len(encode_analysed(own_coder, source, Setting(1, move), RDLR, first.decisions).data) for move in range(0, 60, 10)]
    assert sizes[-1] > sizes[0]
    assert max(abs(np.diff(sizes))) < 0.02 * sizes[0]
    plain = encode_analysed(own_coder, source, BASE)
    assert encode_analysed(own_coder, source, BASE, RDLR, plain.decisions).data == plain.data
    with pytest.raises(ValueError, match="decisions have targets of their own"):
        encode_analysed(own_coder, source, BASE, RDLR, first.decisions, first.targets)


def test_rates_are_matched_with_few_searches(own_coder: Coder, monkeypatch: pytest.MonkeyPatch) -> None:
    searches = 0

    def counted(problem: Problem, plain: Parts) -> Refined | None:
        nonlocal searches
        searches += 1
        return refined(problem, plain)

    monkeypatch.setattr("jpegai_ref.encoder.refined", counted)
    match = matched(own_coder, analysed(own_coder, rgb(100, 150)), 1.0, tools=RDLR)
    assert abs(match.deviation) <= 0.02
    assert 1 <= searches <= MOST_REFINEMENTS


def test_bits_are_those_of_the_tables() -> None:
    table, masses, bounds = bit_table(), residual_masses(), residual_bounds()
    assert table[12, LARGEST] == pytest.approx(8 - np.log2(masses[12, 0]))
    assert table[12, LARGEST - 1] == pytest.approx(8 - np.log2(masses[12, 1]))
    assert table[12, LARGEST + bounds[12]] == pytest.approx(8 + 4)
    assert table[12, LARGEST + bounds[12] + 4] == pytest.approx(8 + 17)
    symbols = np.array([[[0, 1000]], [[-1, 5]]], np.int16)
    coded, levels = np.array([[[True, True]], [[True, False]]]), np.full((2, 1, 2), 12, np.uint8)
    expected = table[12, LARGEST] + table[12, -1] + table[12, LARGEST - 1]
    assert residual_bits(symbols, coded, levels) == pytest.approx(float(expected))


@pytest.mark.parametrize("hindrance", ["regions", "independent regions", "region of interest", "channels", "quality-map"])
def test_what_it_does_not_know_of_is_refused(own_coder: Coder, hindrance: str) -> None:
    picture = rgb(64, 520)
    divided = {"regions": Regions(1, 2, False), "independent regions": Regions(1, 2, True)}.get(hindrance)
    region = np.full((4, 33), 4, np.int8) if hindrance == "region of interest" else None
    source = analysed(own_coder, picture, region, divided)
    if hindrance == "channels":
        source = source.limited(ChannelPrefix(8, 4))
    tools = Tools(rdlr=True, quality_map=hindrance == "quality-map")
    with pytest.raises(NotRefinable, match="rdlr does not go together with .*" + hindrance.removeprefix("independent ")):
        encode_analysed(own_coder, source, BASE, tools)


def test_two_tools_that_do_not_go_together() -> None:
    with pytest.raises(ValueError, match="rdlr does not go together with the tool quality-map"):
        Tools.parse("rdlr+quality-map")


@pytest.mark.slow
def test_the_metrics_gain_with_the_weights_of_the_package(own_coder: Coder) -> None:
    """BD-rate of a photograph by each of the seven metrics: not what the encoder follows, which stands for them."""
    source = analysed(own_coder, rgb(256, 384))
    reference = Reference(luma(source.picture))
    curves = []
    for tools in (NO_TOOLS, RDLR):
        found = [encode_analysed(own_coder, source, setting, tools) for setting in SETTINGS]
        qualities = [reference.values(luma(encoded.reconstruction(own_coder, "bop"))) for encoded in found]
        curves.append(([len(encoded.data) for encoded in found], np.array(qualities)))
    (plain_rates, plain), (rates, refined) = curves
    gains = [bd_rate(plain_rates, plain[:, metric], rates, refined[:, metric])[0] for metric in range(7)]
    assert max(gains) < -2

"""What encoder and decoder compute, part by part: the formula against PyTorch's counter while a picture is coded."""

from __future__ import annotations

from pathlib import Path

import pytest
from jpegai_ref.coder import Coder
from jpegai_ref.complexity import encoder, parts
from jpegai_ref.counted_sides import CountedCoding
from jpegai_ref.decoder_cost import HYPER, OF_FILTERS, decoder_macs, integer_macs, kmac_per_pixel
from jpegai_ref.dimensions import COMPACT
from jpegai_ref.encoder_cost import ANALYSIS, encoder_macs, encoder_parameters
from jpegai_ref.model import OperatingPoint
from jpegai_ref.tools import NO_TOOLS, Tools

from ctc.complexity.macs import counted
from ctc.plugins import codecs
from ctc.protocols import Countable
from tests.jpegai_ref.test_decoder_cost import picture


@pytest.mark.parametrize(
    ("operating_point", "width", "height"),
    [("sop", 83, 71), ("bop", 30, 50), ("hop", 130, 97), pytest.param("sop", 1300, 64, marks=pytest.mark.slow)],
)
def test_each_part_computes_what_its_formula_says(coder: Coder, operating_point: OperatingPoint, width: int, height: int) -> None:
    """Odd sizes, one that is coded larger than it is, and one of two tiles of analysis."""
    coding = CountedCoding(coder, picture(height, width), 600, NO_TOOLS, operating_point)
    unseen = {HYPER: integer_macs(width, height)}
    for run, formula in (
        (coding.encode, encoder_macs(width, height)),
        (coding.decode, decoder_macs(operating_point, NO_TOOLS, width, height)),
    ):
        found = counted(run, coding.networks(), "rest")
        assert "rest" not in found
        assert {part: macs.flop_counter + unseen.get(part, 0) for part, macs in found.items()} == {
            part: macs for part, macs in formula.items() if macs
        }


def test_sums() -> None:
    assert sum(encoder_macs(512, 256).values()) == pytest.approx(1000 * 512 * 256 * encoder(COMPACT).kmac_per_sample, rel=1e-12)
    assert sum(decoder_macs("bop", NO_TOOLS, 83, 71).values()) / 83 / 71 / 1000 == kmac_per_pixel("bop", NO_TOOLS, 83, 71)
    assert encoder_parameters() == encoder(COMPACT).parameters
    analysis = sum(part.kmac_per_sample for name, part in parts(COMPACT).items() if "analysis" in name)
    assert encoder_macs(2304, 1152)[ANALYSIS] / 2304 / 1152 / 1000 > 1.05 * analysis


def test_where_a_transposed_convolution_is_counted(coder: Coder) -> None:
    """BOP enlarges by transposed convolutions of 4x4: the official rule counts each four times. SOP has none in its synthesis."""
    found = {}
    for point in ("sop", "bop"):
        coding = CountedCoding(coder, picture(64, 64), 600, NO_TOOLS, point)
        coding.encode()
        found[point] = counted(coding.decode, coding.networks(), "rest")
    assert found["sop"]["synthesis luma"].transposed == 0
    c, (p, q, _) = COMPACT.luma_latent, COMPACT.bop_luma
    assert found["bop"]["synthesis luma"].transposed == 3 * 16 * (c * p * 4 * 4 + p * q * 8 * 8)


def test_what_an_encoder_finds_by_trial_is_counted_while_it_does(tool_coder: Coder) -> None:
    coding = CountedCoding(tool_coder, picture(64, 64), 600, Tools.parse("efe-linear"), "bop")
    found = counted(coding.encode, coding.networks(), "filters")
    assert found["synthesis luma"].flop_counter > 0
    assert found["filters"].functional > 0


def test_an_encoder_that_asks_for_gradients_is_counted(own_coder: Coder) -> None:
    """RDLR goes through BOP and back."""
    found = {}
    for tools in ("", "rdlr"):
        coding = CountedCoding(own_coder, picture(64, 64), 1800, Tools.parse(tools), "bop")
        found[tools] = counted(coding.encode, coding.networks(), "rest")
    assert "synthesis luma" not in found[""]
    assert found["rdlr"]["synthesis luma"].flop_counter > 0
    assert found["rdlr"]["context"].flop_counter > found[""]["context"].flop_counter


@pytest.mark.usefixtures("everything_is_chosen")
def test_the_filter_whose_weights_are_computed_is_seen_by_both_counters(own_coder: Coder) -> None:
    coding = CountedCoding(own_coder, picture(64, 96), 1800, Tools.parse("eicci"), "bop")
    coding.encode()
    filters = counted(coding.decode, coding.networks(), OF_FILTERS)[OF_FILTERS]
    formula = decoder_macs("bop", Tools.parse("eicci"), 96, 64)[OF_FILTERS]
    assert filters.products == formula > 0
    assert filters.official == formula + filters.biases
    # What computes the weights, once a picture of any size, is no layer.
    assert 0 < filters.functional < 500_000


def test_what_the_harness_is_given(own_weights: Path, tmp_path: Path) -> None:
    codec = codecs()["jpegai-sop+rvs"]
    assert isinstance(codec, Countable)
    sizes = codec.model_sizes()
    assert sizes.decoder_bytes < sizes.decoder_bytes_all < sizes.bytes_all < own_weights.stat().st_size
    assert sizes.decoder_parameters < sizes.decoder_parameters_all < sizes.parameters_all
    assert sizes.decoder_bytes_all == codec.decoder_model().bytes
    assert sizes.precision.startswith("stored as float16")
    source = tmp_path / "source.ppm"
    source.write_bytes(b"P6\n64 80\n255\n" + bytes(64 * 80 * 3))
    encoder_side, decoder_side = codec.sides(source, 600)
    assert encoder_side.formula == encoder_macs(64, 80)
    assert decoder_side.formula == decoder_macs("sop", Tools(rvs=True), 64, 80)
    assert codecs()["jpegai-sop+rdlr"].sides(source, 600)[0].formula.keys() == {ANALYSIS, HYPER}  # type: ignore[attr-defined]

"""What decoding costs: against PyTorch's counter over whole decodings, and against the tensors of the weights."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from jpegai_ref.coder import Coder
from jpegai_ref.complexity import decoder, macs, networks
from jpegai_ref.decoder import decode
from jpegai_ref.decoder_cost import FILTERS, is_decoders, kmac_per_pixel, parameters
from jpegai_ref.dimensions import COMPACT
from jpegai_ref.efe_linear_header import SIDES
from jpegai_ref.eicci import corrected
from jpegai_ref.eicci_header import EicciHeader, EicciTile
from jpegai_ref.eicci_network import Eicci
from jpegai_ref.encoder import encode
from jpegai_ref.model import OPERATING_POINTS, OperatingPoint
from jpegai_ref.picture import Picture
from jpegai_ref.quality import setting_of
from jpegai_ref.tools import NO_TOOLS, Tools, tool_names
from jpegai_ref.weights import read
from torch.utils.flop_counter import FlopCounterMode

from ctc import plugins
from ctc.protocols import Learned
from tests.jpegai_ref.sample_pictures import rgb

INTEGER_NETWORKS = ("luma hyper-scale decoder", "chroma hyper-scale decoder")
"""Computed by compiled loops, which PyTorch does not see."""
ADD_NO_OPERATIONS = {"rvs", "cwg", "lsbs", "no-skip", "quality-map", "rdlr"}
"""Tools that scale latents, and one that the encoder alone knows of."""


def picture(height: int, width: int) -> Picture:
    """A photograph, repeated where it is too small."""
    part = rgb(min(height, 256), min(width, 256))
    copies = -(-height // 256), -(-width // 256)
    return Picture(tuple(np.tile(plane, copies)[:height, :width] for plane in part.planes), part.bit_depth, part.colour)


def counted(call: Callable[[], object]) -> float:
    """MACs of PyTorch in a call by one thread: the counter sees no other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with FlopCounterMode(display=False) as counter:
            call()
    finally:
        torch.set_num_threads(threads)
    return counter.get_total_flops() / 2


# Odd sizes, one that is coded larger than it is, and one of two tiles.
CASES = [(point, *size) for point in OPERATING_POINTS for size in ((128, 64), (83, 71), (97, 130), (30, 50))]


@pytest.mark.parametrize(("operating_point", "width", "height"), [*CASES, pytest.param("sop", 1090, 980, marks=pytest.mark.slow)])
def test_it_is_what_a_decoder_computes(coder: Coder, operating_point: OperatingPoint, width: int, height: int) -> None:
    stream = encode(coder, picture(height, width), setting_of(600)).data
    layers = networks(COMPACT)
    unseen = sum(macs(layers[name], max(height, 64), max(width, 64)) for name in INTEGER_NETWORKS)
    stated = 1000 * width * height * kmac_per_pixel(operating_point, NO_TOOLS, width, height)
    assert counted(lambda: decode(coder, stream, operating_point)) + unseen == pytest.approx(stated, rel=1e-12)


def test_sizes_that_64_divides_cost_what_the_parts_cost() -> None:
    for operating_point in OPERATING_POINTS:
        whole = decoder(COMPACT, operating_point)
        assert kmac_per_pixel(operating_point, NO_TOOLS, 1024, 768) == pytest.approx(whole.kmac_per_sample, rel=1e-12)
        assert parameters(operating_point, NO_TOOLS) == whole.parameters


def test_overlap_and_padding_cost() -> None:
    assert kmac_per_pixel("bop", NO_TOOLS, 2048, 2048) > 1.05 * kmac_per_pixel("bop", NO_TOOLS, 1024, 1024)
    assert kmac_per_pixel("bop", NO_TOOLS, 32, 32) == pytest.approx(4 * kmac_per_pixel("bop", NO_TOOLS, 64, 64))


def test_every_tool_has_said_what_it_costs() -> None:
    assert set(tool_names()) == FILTERS.keys() | ADD_NO_OPERATIONS
    plain = kmac_per_pixel("sop", NO_TOOLS, 512, 512)
    added = {name: 1000 * (kmac_per_pixel("sop", Tools.parse(name), 512, 512) - plain) for name in tool_names()}
    assert all(added[name] == 0 for name in ADD_NO_OPERATIONS)
    side = SIDES[-1]
    assert added["efe-linear"] == pytest.approx(2 * (side**2 + side**2))
    assert added["efe-nonlinear"] == pytest.approx(2 * (8 + 2 + 2))
    both = 1000 * (kmac_per_pixel("sop", Tools(efe_linear=True, efe_nonlinear=True), 512, 512) - plain)
    assert both == pytest.approx(2 * added["efe-linear"] + added["efe-nonlinear"])


def test_eicci_costs_what_its_networks_compute() -> None:
    """Parts overlap by what the networks reach. PyTorch also sees how Haar and strengths go into the weights, once a call."""
    height, width = 300, 1100
    networks_of_eicci = Eicci()
    samples = torch.rand(3, height, width) * 255
    header = EicciHeader(None, (EicciTile(True, True, True),))
    computed = counted(lambda: corrected(networks_of_eicci, "bop", 1, header, list(samples), (1, 1)))
    plain, filtered = (kmac_per_pixel("bop", tools, width, height) for tools in (NO_TOOLS, Tools(eicci=True)))
    assert 1000 * (filtered - plain) * height * width == pytest.approx(computed, rel=1e-3)


@pytest.mark.parametrize("operating_point", OPERATING_POINTS)
def test_a_decoder_needs_the_tensors_that_decode(own_weights: Path, operating_point: str) -> None:
    """Without the others its float networks have as many parameters as is said, a copy of the synthesis beside them."""
    tensors = read(own_weights).tensors
    needed = {name: tensor for name, tensor in tensors.items() if is_decoders(name, operating_point, NO_TOOLS)}
    copies = {name.split(".")[2] for name in needed if name.startswith("synthesis.")}
    one = {name: tensor for name, tensor in needed.items() if name.split(".")[0] != "synthesis" or name.split(".")[2] == "0"}
    floats = sum(tensor.numel() for tensor in one.values() if tensor.is_floating_point())
    in_integers = sum(layer.parameters for name in INTEGER_NETWORKS for layer in networks(COMPACT)[name])
    assert floats + in_integers == parameters(operating_point, NO_TOOLS)
    assert copies == ({"0"} if operating_point == "hop" else {"0", "1"})
    assert not any("analysis" in name or "encoder" in name or name.startswith("tools.") for name in needed)


def test_tensors_of_tools_are_needed_where_they_are_on() -> None:
    assert is_decoders("tools.rvs.scales", "bop", Tools(rvs=True, lef=True))
    assert not is_decoders("tools.cwg.factors", "bop", Tools(rvs=True, lef=True))
    assert not is_decoders("tools.cwg.factors", "bop", NO_TOOLS)


def test_the_harness_is_told_without_torch() -> None:
    code = (
        "import sys; from ctc import plugins; codec = plugins.codecs()['jpegai-bop+rvs']; "
        "codec.decoder_model(); codec.decoding_kmac_per_pixel(640, 480); sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_what_the_harness_is_told(own_weights: Path) -> None:
    codec, tensors = plugins.codecs()["jpegai-sop+cwg+efe-linear"], read(own_weights).tensors
    assert isinstance(codec, Learned)
    model = codec.decoder_model()
    assert (model.operating_point, model.tools) == ("SOP", ("CWG", "EFE linear"))
    assert model.parameters == decoder(COMPACT, "sop").parameters
    tools = Tools(cwg=True)
    assert model.bytes == sum(tensor.nbytes for name, tensor in tensors.items() if is_decoders(name, "sop", tools))
    assert f"{codec.decoding_kmac_per_pixel(512, 512):.1f} kMAC/px to decode" in plugins.codecs()["jpegai-sop+cwg+efe-linear"].note

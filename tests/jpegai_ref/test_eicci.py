"""The networks of eICCI by themselves: the Haar bands, what is folded, parts and tiles of a picture, the choice of the encoder."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from jpegai_ref.chroma_grid import Rectangle
from jpegai_ref.colour import CENTRE, PEAK
from jpegai_ref.complexity import _part, eicci_filter, filter_parts
from jpegai_ref.eicci import corrected
from jpegai_ref.eicci_fit import chosen
from jpegai_ref.eicci_geometry import REACH, EicciWidths
from jpegai_ref.eicci_header import EicciHeader, EicciTile, chosen_tiling, tile_cores
from jpegai_ref.eicci_network import (
    BandFilter,
    Eicci,
    haar_matrix,
    network_tensors,
    networks_of,
    planes_of_blocks,
    samples_of_blocks,
)
from jpegai_ref.model import OPERATING_POINTS
from jpegai_ref.picture_header import Tiling
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from tests.jpegai_ref.some_networks import random_networks

ALL = EicciTile(True, True, True)
WHOLE = EicciHeader(None, (ALL,))
CPU = torch.device("cpu")
pytestmark = pytest.mark.usefixtures("one_thread")


def noise(*shape: int, seed: int = 0) -> Tensor:
    return 255 * torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def planes(height: int, width: int, subsampling: tuple[int, int] = (1, 1)) -> list[Tensor]:
    vertical, horizontal = subsampling
    return [noise(height, width), *(noise(-(-height // vertical), -(-width // horizontal), seed=seed) for seed in (1, 2))]


def one_level(plane: Tensor) -> list[Tensor]:
    """LL, HL, LH, HH as the reference software computes them."""
    a, b, c, d = (plane[row::2, column::2] / 2 for row, column in ((0, 0), (1, 0), (0, 1), (1, 1)))
    return [a + b + c + d, -a - b + c + d, -a + b - c + d, a - b - c + d]


def test_bands_are_those_of_two_levels_of_haar() -> None:
    plane, matrix = noise(8, 12) / PEAK, haar_matrix()
    expected = torch.stack([band for first in one_level(plane) for band in one_level(first)])
    found = torch.einsum("bs,nshw->nbhw", matrix, samples_of_blocks(plane[None, None]))[0]
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(matrix @ matrix.T, torch.eye(16))


def test_samples_of_blocks_are_those_of_pixel_unshuffle() -> None:
    stacked = noise(2, 3, 8, 12)
    assert torch.equal(samples_of_blocks(stacked), F.pixel_unshuffle(stacked, 4))
    assert torch.equal(planes_of_blocks(samples_of_blocks(stacked)), stacked)


@pytest.mark.parametrize("component", ["luma", "chroma"])
def test_what_is_folded_is_the_network_on_bands(component: str) -> None:
    """First band, trunk, head times strength, and back, one after the other."""
    network: BandFilter = getattr(random_networks(), component)
    samples, matrix = samples_of_blocks(noise(1, 3, 24, 32) - CENTRE), haar_matrix()
    bands = torch.einsum("bs,npshw->npbhw", matrix, samples.reshape(1, 3, 16, 6, 8) / PEAK).flatten(1, 2)
    f = F.relu(network.first(bands) + network.first_bias[2, 3][:, None, None])
    for block in network.blocks:
        f = block(f)
    heads = PEAK * network.last(f).reshape(1, -1, 16, 6, 8) * network.strength[2, 3][:, None, None, None]
    expected = torch.einsum("bs,nkbhw->nkshw", matrix, heads).flatten(1, 2)
    torch.testing.assert_close(network(samples, "hop", 3), expected, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize(("height", "width"), [(64, 64), (65, 67), (81, 70)])
def test_an_untrained_network_and_one_of_no_strength_change_nothing(height: int, width: int) -> None:
    quiet = random_networks()
    for network in (quiet.luma, quiet.chroma):
        torch.nn.init.zeros_(network.strength)
    for networks in (Eicci(), quiet):
        before = planes(height, width)
        assert all(map(torch.equal, corrected(networks, "bop", 1, WHOLE, before, (1, 1)), before))


def test_models_and_operating_points_have_filters_of_their_own() -> None:
    networks, before = random_networks(), planes(64, 64)
    results = [corrected(networks, point, model, WHOLE, before, (1, 1))[0] for point in OPERATING_POINTS for model in range(4)]
    assert len({result.numpy().tobytes() for result in results}) == 12


def as_a_whole(networks: Eicci, given: list[Tensor]) -> Tensor:
    """Y, U, V of full size by the networks on the whole picture."""
    stacked = torch.stack(given)[None]
    height, width = stacked.shape[-2:]
    padded = F.pad(stacked, (0, -width % 4, 0, -height % 4), mode="replicate")
    samples = samples_of_blocks(padded - CENTRE)
    corrections = [planes_of_blocks(network(samples, "bop", 1)) for network in (networks.luma, networks.chroma)]
    return (stacked + torch.cat(corrections, 1)[..., :height, :width]).clamp(0, PEAK)[0]


def test_parts_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    networks, given = random_networks(), planes(101, 142)
    expected = as_a_whole(networks, given)
    assert 2 < (expected - torch.stack(given)).abs().max() < 100
    for part in ((256, 1024), (32, 64), (24, 24)):
        monkeypatch.setattr("jpegai_ref.eicci.PART", part)
        torch.testing.assert_close(torch.stack(corrected(networks, "bop", 1, WHOLE, given, (1, 1))), expected, rtol=0, atol=1e-3)


def test_the_reach_is_all_that_is_needed() -> None:
    networks, given = random_networks(), planes(100, 100)
    other = [plane.clone() for plane in given]
    for plane in other:
        plane[50, 50] += 40
    changed = (as_a_whole(networks, given) - as_a_whole(networks, other)).abs().amax(0) > 0
    rows = changed.any(1).nonzero()
    # From the block of 48..51, all of whose samples go through the same layers.
    assert (int(rows.min()), int(rows.max())) == (48 - REACH, 51 + REACH)


@pytest.mark.parametrize("use", list(product((False, True), repeat=3)), ids=str)
def test_planes_that_are_not_chosen_stay(use: tuple[bool, bool, bool]) -> None:
    given = planes(70, 64)
    results = corrected(random_networks(), "sop", 0, EicciHeader(None, (EicciTile(*use),)), given, (1, 1))
    assert [not torch.equal(*pair) for pair in zip(given, results, strict=True)] == list(use)


def test_tiles_decide_by_themselves() -> None:
    tiling, given = Tiling(256, 64), planes(300, 450)
    cores = tile_cores(tiling, 300, 450)
    rows, columns = ((0, 48), (48, 300)), ((0, 224), (224, 240), (240, 450))
    assert cores == [Rectangle(top, left, bottom, right) for (top, bottom), (left, right) in product(rows, columns)]
    tiles = tuple(EicciTile(index % 2 == 0, index % 3 == 0, False) for index in range(len(cores)))
    found = corrected(random_networks(), "bop", 2, EicciHeader(tiling, tiles), given, (1, 1))
    everything = corrected(random_networks(), "bop", 2, EicciHeader(None, (ALL,)), given, (1, 1))
    for core, tile in zip(cores, tiles, strict=True):
        for plane, filtered, result, used in zip(given, everything, found, tile, strict=True):
            torch.testing.assert_close(result[core.slices], (filtered if used else plane)[core.slices], rtol=0, atol=1e-3)


@pytest.mark.parametrize("subsampling", [(1, 2), (2, 1), (2, 2)])
@pytest.mark.parametrize(("height", "width"), [(64, 72), (65, 67)])
def test_subsampled_chroma_is_corrected_at_its_places(height: int, width: int, subsampling: tuple[int, int]) -> None:
    """As chroma of full size that is linear between its samples."""
    vertical, horizontal = subsampling
    given = planes(height, width, subsampling)
    wide = [given[0]]
    for plane in given[1:]:
        rows, columns = (np.arange(length) / factor for length, factor in ((height, vertical), (width, horizontal)))
        by_rows = np.stack([np.interp(rows, np.arange(len(plane)), column) for column in plane.numpy().T], 1)
        wide.append(torch.tensor(np.stack([np.interp(columns, np.arange(plane.shape[1]), row) for row in by_rows])).float())
    networks = random_networks()
    expected = corrected(networks, "bop", 1, WHOLE, wide, (1, 1))
    found = corrected(networks, "bop", 1, WHOLE, given, subsampling)
    torch.testing.assert_close(found[0], expected[0], rtol=0, atol=1e-3)
    for index in (1, 2):
        torch.testing.assert_close(found[index], expected[index][::vertical, ::horizontal], rtol=0, atol=1e-3)


def test_grey_is_a_picture_of_neutral_chroma() -> None:
    luma, neutral = noise(66, 71), torch.full((66, 71), CENTRE)
    (grey,) = corrected(random_networks(), "bop", 1, WHOLE, [luma], (1, 1))
    torch.testing.assert_close(grey, corrected(random_networks(), "bop", 1, WHOLE, [luma, neutral, neutral], (1, 1))[0])


def test_threads_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jpegai_ref.eicci.PART", (32, 64))
    results = set()
    for threads in (1, 2, 4):
        torch.set_num_threads(threads)
        results.add(torch.stack(corrected(random_networks(), "bop", 1, WHOLE, planes(90, 150), (1, 1))).numpy().tobytes())
    assert len(results) == 1


def test_a_header_of_another_picture_is_refused() -> None:
    with pytest.raises(ValueError, match="2 tiles where there are 1"):
        corrected(Eicci(), "bop", 1, EicciHeader(None, (ALL, ALL)), planes(64, 64), (1, 1))


@pytest.mark.parametrize(
    ("length", "seams"),
    [(64, [0, 64]), (2048, [0, 2048]), (2049, [0, 1848, 2049]), (2176, [0, 2024, 2176]), (4100, [0, 2024, 3848, 4100])],
)
def test_where_tiles_lie(length: int, seams: list[int]) -> None:
    """Of 2048 with an overlap of 48; one that would be below 176 takes so much from the one before."""
    cores = tile_cores(chosen_tiling(length, 64), length, 64)
    assert [core.top for core in cores] + [length] == seams
    assert all((core.left, core.right) == (0, 64) for core in cores)


@pytest.mark.parametrize(("size", "overlap"), [(160, 0), (256, 144)])
def test_tiles_that_multiply_the_work_are_refused(size: int, overlap: int) -> None:
    with pytest.raises(ValueError, match="not supported"):
        tile_cores(Tiling(size, overlap), 1000, 1000)


def test_the_encoder_takes_what_comes_nearer() -> None:
    """Filters undo what was done to luma and U, and do harm to V."""
    networks, given = random_networks(), [noise(200, 180), *planes(200, 180)[1:]]
    behind = corrected(networks, "bop", 1, WHOLE, given, (1, 1))
    wanted = [behind[0], behind[1], given[2]]
    found = chosen(networks, "bop", 1, given, (1, 1), lambda part: [plane[part.slices] for plane in wanted])
    assert found is not None
    assert found.header == EicciHeader(None, (EicciTile(True, True, False),))
    assert all(map(torch.equal, found.planes, wanted))
    assert chosen(networks, "bop", 1, given, (1, 1), lambda part: [plane[part.slices] for plane in given]) is None


def test_networks_come_back_from_a_file() -> None:
    networks = random_networks()
    found = networks_of(network_tensors(networks), CPU)
    assert found is not None
    for name, tensor in networks.state_dict().items():
        assert torch.equal(found.state_dict()[name], tensor.half().float())
    assert networks_of({}, CPU) is None


def test_networks_of_another_kind_are_refused() -> None:
    tensors = network_tensors(Eicci())
    with pytest.raises(ValueError, match="the networks of eICCI are others"):
        networks_of(dict(list(tensors.items())[1:]), CPU)
    infinite = Eicci()
    torch.nn.init.constant_(infinite.luma.first_bias, 1e6)
    with pytest.raises(ValueError, match="half precision cannot hold"):
        network_tensors(infinite)


@pytest.mark.parametrize("component", ["luma", "chroma"])
def test_the_cost_agrees_with_the_network(component: str) -> None:
    network: BandFilter = getattr(Eicci(), component)
    (part,) = (part for part in filter_parts() if component in part.name)
    folded, samples = network.folded("bop", 0), samples_of_blocks(noise(1, 3, 64, 64))
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        folded(samples)
    assert counter.get_total_flops() / 2 / 64**2 / 1000 == pytest.approx(part.kmac_per_sample, rel=1e-9)
    assert sum(parameter.numel() for parameter in network.parameters()) == part.parameters


@pytest.mark.parametrize(("widths", "thousands", "kmac"), [(EicciWidths(48, 2, 1), 56, 3.46), (EicciWidths(48, 4, 2), 90, 5.62)])
def test_widths_of_the_reference_software_cost_what_is_published(widths: EicciWidths, thousands: int, kmac: float) -> None:
    part = _part("", eicci_filter(widths))
    assert part.parameters / 1000 == pytest.approx(thousands, abs=1)
    assert part.kmac_per_sample == pytest.approx(kmac, abs=0.005)

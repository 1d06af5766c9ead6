"""Weights with reordered channels compute what they did; the order is that of what channels cost."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from jpegai_ref import weights
from jpegai_ref.analysed import analysed
from jpegai_ref.coder import Coder, load
from jpegai_ref.codestream import read_codestream
from jpegai_ref.encoder import Setting, encode_analysed
from jpegai_ref.entropy import encode_residual, prefix_bits
from jpegai_ref.exact import decode_symbols
from jpegai_ref.model import OPERATING_POINTS
from jpegai_ref.picture import Picture
from jpegai_ref.pictures import file_content
from jpegai_ref.training import order_channels
from jpegai_ref.training.channel_order import Component, reordered
from jpegai_ref.training.channel_rates import channel_shares, symbol_bits
from jpegai_ref.training.data import load_pictures
from jpegai_ref.training.fit_samples import SIDE, samples

from tests.jpegai_ref.sample_pictures import COFFEE, rgb

Orders = dict[Component, list[int]]


@pytest.fixture(scope="module")
def orders() -> Orders:
    random = np.random.default_rng(5)
    return {"luma": random.permutation(128).tolist(), "chroma": random.permutation(64).tolist()}


@pytest.fixture(scope="module")
def other_coder(own_weights: Path, orders: Orders, tmp_path_factory: pytest.TempPathFactory) -> Coder:
    path = tmp_path_factory.mktemp("other") / "weights.safetensors"
    weights.write(path, reordered(weights.read(own_weights).tensors, orders))
    return load(path)


@pytest.mark.parametrize("model_id", [0, 3])
def test_reordered_weights_compute_the_same(own_coder: Coder, other_coder: Coder, orders: Orders, model_id: int) -> None:
    """In both copies of the synthesis: latents are permuted, hyper-latents are not; samples differ in rounding at most, streams in how
    symbols fall into groups."""
    picture = rgb(90, 130)
    sources = [analysed(coder, picture) for coder in (own_coder, other_coder)]
    for component in ("luma", "chroma"):
        one, other = (getattr(source, component) for source in sources)
        order = orders[component]
        assert np.array_equal(one.z, other.z)
        assert np.array_equal(one.sigma_index[order], other.sigma_index)
        assert torch.allclose(one.y[:, order], other.y, atol=1e-3)
    coded = [encode_analysed(coder, source, Setting(model_id, 0)) for coder, source in zip((own_coder, other_coder), sources, strict=True)]
    before, after = (read_codestream(one.data) for one in coded)
    assert bytes(before.hyper) == bytes(after.hyper)
    assert (before.header.luma.may_skip, before.header.chroma.may_skip) == (after.header.luma.may_skip, after.header.chroma.may_skip)
    symbols = [decode_symbols(coder.exact, stream).symbols for coder, stream in ((own_coder, before), (other_coder, after))]
    assert np.array_equal(symbols[0].luma[orders["luma"]], symbols[1].luma)
    assert np.array_equal(symbols[0].chroma[orders["chroma"]], symbols[1].chroma)
    assert len(coded[1].data) == pytest.approx(len(coded[0].data), rel=0.01)
    for point in OPERATING_POINTS:
        pictures: list[Picture] = [one.reconstruction(coder, point) for one, coder in zip(coded, (own_coder, other_coder), strict=True)]
        difference = np.abs(np.subtract(*[np.stack(one.planes).astype(np.int32) for one in pictures]))
        assert difference.max() <= 1
        assert np.mean(difference) < 0.001
    assert own_coder.weights_id != other_coder.weights_id


def test_there_and_back(own_weights: Path, orders: Orders) -> None:
    tensors = weights.read(own_weights).tensors
    back = {component: np.argsort(order).tolist() for component, order in orders.items()}
    there = reordered(tensors, orders)
    assert weights.identity(there) != weights.identity(tensors) == weights.identity(reordered(there, back))


def test_what_cannot_be_reordered(own_weights: Path, orders: Orders) -> None:
    tensors = weights.read(own_weights).tensors
    with pytest.raises(ValueError, match="order of luma is no permutation"):
        reordered(tensors, orders | {"luma": [0] * 128})
    with pytest.raises(weights.WeightsError, match="no context"):
        reordered({name: tensor for name, tensor in tensors.items() if name != "context.gather.1.0.weight"}, orders)
    with pytest.raises(weights.WeightsError, match="other networks"):
        reordered(tensors, orders | {"luma": list(range(129))})


def test_the_cost_of_symbols_is_that_of_their_bytes() -> None:
    """Escapes of both lengths among them; within 1 % and the states."""
    random = np.random.default_rng(0)
    distribution = random.integers(0, 32, (4, 60, 60)).astype(np.uint8)
    symbols = np.rint(random.normal(size=distribution.shape) * 0.11 * np.exp(distribution * 0.2)).astype(np.int16)
    symbols = np.where(random.random(symbols.shape) < 0.01, symbols * 30 + 2, symbols).astype(np.int16)
    bits = symbol_bits(symbols, distribution)
    coded = np.ones(symbols.shape, np.bool_)
    payload = encode_residual(symbols, coded, distribution)
    assert 8 * len(payload) == pytest.approx(bits.sum(), rel=0.01)
    assert np.diff([0, *prefix_bits(payload, coded, distribution)]) == pytest.approx(bits.sum(axis=(1, 2)), rel=0.01)


def test_shares_are_those_of_the_channels(own_coder: Coder) -> None:
    found = samples(own_coder, [torch.from_numpy(np.stack(rgb(256, 256).planes))], 1, seed=2)
    luma, chroma = channel_shares(own_coder, found)
    assert luma.shape == (128,)
    assert chroma.shape == (64,)
    assert luma.sum() == pytest.approx(1)
    assert chroma.sum() == pytest.approx(1)
    assert luma.max() > 4 / 128


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    folder = tmp_path / "photographs"
    folder.mkdir()
    for index in range(2):
        part = np.ascontiguousarray(COFFEE[: 256 + index, 100 * index : 300 + 100 * index].transpose(2, 0, 1))
        (folder / f"{index}.png").write_bytes(file_content(".png", Picture(tuple(part), 8, "rgb")))
    return folder


def test_the_dearest_channels_come_first(own_weights: Path, own_coder: Coder, photographs: Path, tmp_path: Path) -> None:
    out = tmp_path / "ordered.safetensors"
    arguments = ["--data", str(photographs), "--weights", str(own_weights), "--out", str(out), "--crops", "1", "--threads", "1"]
    assert order_channels.main(arguments) == 0
    pictures = load_pictures([photographs], torch.device("cpu"), SIDE).training
    before, after = (channel_shares(coder, samples(coder, pictures, 1, seed=1)) for coder in (own_coder, load(out)))
    for one, other in zip(before, after, strict=True):
        assert np.any(np.diff(one) > 0)
        assert other == pytest.approx(np.sort(one)[::-1], rel=1e-6)


def test_what_cannot_be_used(own_weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for data, given, reason in ((tmp_path / "none", own_weights, "is no folder"), (tmp_path, tmp_path / "none", "holds no weights")):
        assert order_channels.main(["--data", str(data), "--weights", str(given), "--out", str(tmp_path / "out")]) == 1
        error = capsys.readouterr().err
        assert reason in error
        assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()

"""The integer hyper-scale decoder: int32 loops, float64 products and plain Python integers agree, at the edge of what int32 holds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from jpegai_ref.integer_conv import LARGEST_SUM, IntegerConv
from jpegai_ref.integer_hyperscale import IntegerHyperScale
from jpegai_ref.post_training import quantised
from numpy.typing import NDArray
from torch import nn


def extreme(generator: np.random.Generator, outputs: int, inputs: int, kernel: int) -> IntegerConv:
    """Random weights with biases that use up what the sums may reach, to the last unit."""
    weight = generator.integers(-128, 128, (outputs, inputs, kernel, kernel)).astype(np.int8)
    room = LARGEST_SUM - 128 * np.abs(weight.astype(np.int64)).sum(axis=(1, 2, 3))
    bias = (room * generator.choice([-1, 1], outputs)).astype(np.int32)
    return IntegerConv(weight, bias, generator.integers(0, 32, outputs).astype(np.int8))


def random_decoder(generator: np.random.Generator, channels: int) -> IntegerHyperScale:
    """Weights and shifts that leave something of the input in the output."""

    def conv(outputs: int, kernel: int, shift: int) -> IntegerConv:
        weight = generator.integers(-128, 128, (outputs, channels, kernel, kernel)).astype(np.int8)
        bias = generator.integers(-(1 << shift + 4), 1 << shift + 4, outputs).astype(np.int32)
        return IntegerConv(weight, bias, (shift + generator.integers(0, 3, outputs)).astype(np.int8))

    return IntegerHyperScale(conv(channels, 1, 5), conv(channels, 3, 8), conv(16 * channels, 1, 4))


def by_hand(conv: IntegerConv, x: NDArray[np.int8]) -> NDArray[np.int64]:
    """With Python's own integers."""
    outputs, inputs, side, _ = conv.weight.shape
    rows, columns = x.shape[1] - side + 1, x.shape[2] - side + 1
    result = np.empty((outputs, rows, columns), np.int64)
    for o, i, j in np.ndindex(outputs, rows, columns):
        terms = (int(conv.weight[o, c, a, b]) * int(x[c, i + a, j + b]) for c, a, b in np.ndindex(inputs, side, side))
        result[o, i, j] = (int(conv.bias[o]) + sum(terms)) >> int(conv.shift[o])
    return result


@pytest.mark.parametrize("kernel", [1, 3])
@pytest.mark.parametrize("seed", range(5))
def test_three_ways_of_a_convolution_agree_at_the_edge_of_int32(kernel: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    conv = extreme(generator, 6, 5, kernel)
    assert conv.largest_sums.tolist() == [LARGEST_SUM] * 6
    x = generator.choice([-128, 127, -1, 0, 77], (5, 4, 7)).astype(np.int8)
    # One place where the sum of channel 0 is as large as it can be: every product has the sign of the bias.
    sign = np.sign(conv.bias[0])
    x[:, :kernel, :kernel] = np.where(conv.weight[0] * sign > 0, 127, -128)
    wanted = by_hand(conv, x)
    assert np.array_equal(conv.in_int32(x), wanted)
    assert np.array_equal(conv.in_float64(torch.from_numpy(x).double()).numpy(), wanted)


def reference_index(decoder: IntegerHyperScale, z: NDArray[np.int8], height: int, width: int) -> NDArray[np.int64]:
    first = np.clip(by_hand(decoder.first, z), 0, 127).astype(np.int8)
    second = np.clip(by_hand(decoder.second, np.pad(first, ((0, 0), (1, 1), (1, 1)))), 0, 127).astype(np.int8)
    third = by_hand(decoder.third, second)
    index = np.zeros((len(z), 4 * z.shape[1], 4 * z.shape[2]), np.int64)
    for c, dy, dx in np.ndindex(len(z), 4, 4):
        index[c, dy::4, dx::4] = third[16 * c + 4 * dy + dx]
    return np.minimum(np.abs(index), 3967)[:, :height, :width]


@pytest.mark.parametrize(("rows", "columns", "height", "width"), [(3, 4, 12, 16), (1, 1, 1, 1), (2, 5, 5, 17), (5, 2, 19, 7)])
def test_the_sigma_index_is_that_of_plain_integers(rows: int, columns: int, height: int, width: int) -> None:
    generator = np.random.default_rng(rows)
    decoder = random_decoder(generator, 4)
    z = generator.integers(-31, 32, (4, rows, columns)).astype(np.int8)
    wanted = reference_index(decoder, z, height, width)
    assert len(np.unique(wanted)) > 3
    assert np.array_equal(decoder.sigma_index(z, height, width), wanted)
    assert np.array_equal(decoder.sigma_index(z, height, width, "cpu"), wanted)


def test_one_wrong_index_would_be_noticed() -> None:
    """A bias off by the least that matters changes some index, and both ways of computing see the same change."""
    generator = np.random.default_rng(7)
    decoder = random_decoder(generator, 4)
    z = generator.integers(-31, 32, (4, 6, 6)).astype(np.int8)
    before = decoder.sigma_index(z, 24, 24)
    for output in range(0, 64, 9):
        bias = decoder.third.bias.copy()
        bias[output] += 1 << int(decoder.third.shift[output])
        changed = replace(decoder, third=replace(decoder.third, bias=bias))
        found = changed.sigma_index(z, 24, 24)
        assert np.count_nonzero(found != before) > 0
        assert np.array_equal(found, changed.sigma_index(z, 24, 24, "cpu"))


def test_bands_leave_no_seam(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(8)
    decoder = random_decoder(generator, 8)
    z = generator.integers(-31, 32, (8, 11, 5)).astype(np.int8)
    whole = decoder.sigma_index(z, 44, 20)
    for band in (1, 10, 20):
        monkeypatch.setattr("jpegai_ref.integer_hyperscale.BAND", band)
        assert np.array_equal(decoder.sigma_index(z, 43, 18), whole[:, :43, :18])
        assert np.array_equal(decoder.sigma_index(z, 43, 18, "cpu"), whole[:, :43, :18])


@pytest.mark.filterwarnings("ignore:TF32 acceleration")
@pytest.mark.parametrize("fast", [True, False])
def test_threads_and_vector_instructions_change_nothing(fast: bool) -> None:
    generator = np.random.default_rng(9)
    decoder = random_decoder(generator, 32)
    z = generator.integers(-31, 32, (32, 20, 20)).astype(np.int8)
    wanted = decoder.sigma_index(z, 80, 80)
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        with torch.backends.mkldnn.flags(enabled=fast):
            assert np.array_equal(decoder.sigma_index(z, 80, 80, "cpu"), wanted)
    finally:
        torch.set_num_threads(threads)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_a_gpu_gives_the_same_integers() -> None:
    generator = np.random.default_rng(10)
    decoder = random_decoder(generator, 64)
    z = generator.integers(-31, 32, (64, 40, 40)).astype(np.int8)
    assert np.array_equal(decoder.sigma_index(z, 160, 160, "cuda"), decoder.sigma_index(z, 160, 160))


def test_weights_that_can_overflow_are_refused() -> None:
    conv = extreme(np.random.default_rng(0), 4, 4, 3)
    bias = conv.bias.copy()
    bias[2] += np.sign(bias[2])
    with pytest.raises(ValueError, match="output channel 2 can leave int32"):
        replace(conv, bias=bias)


def test_records_that_do_not_fit_are_refused() -> None:
    conv = extreme(np.random.default_rng(0), 4, 4, 1)
    with pytest.raises(ValueError, match="int8"):
        replace(conv, weight=conv.weight.astype(np.int16))
    with pytest.raises(ValueError, match=r"0\.\.31"):
        replace(conv, shift=np.full(4, 32, np.int8))
    with pytest.raises(ValueError, match="biases"):
        replace(conv, bias=conv.bias[:3])
    with pytest.raises(ValueError, match="k odd"):
        replace(conv, weight=np.zeros((4, 4, 2, 2), np.int8))
    with pytest.raises(ValueError, match="kernels of 1, 3 and 1"):
        IntegerHyperScale(conv, conv, conv)
    decoder = random_decoder(np.random.default_rng(0), 4)
    with pytest.raises(ValueError, match="z is int8"):
        decoder.sigma_index(np.zeros((5, 2, 2), np.int8), 8, 8)
    with pytest.raises(ValueError, match="does not make a latent"):
        decoder.sigma_index(np.zeros((4, 2, 2), np.int8), 9, 8)


def trained(channels: int, seed: int) -> tuple[nn.Conv2d, nn.Conv2d, nn.Conv2d]:
    torch.manual_seed(seed)
    convs = nn.Conv2d(channels, channels, 1), nn.Conv2d(channels, channels, 3, padding=1), nn.Conv2d(channels, 16 * channels, 1)
    nn.init.constant_(convs[2].bias, 11.0)  # type: ignore[arg-type]
    return convs


@pytest.mark.parametrize("seed", range(3))
def test_a_quantised_decoder_is_near_the_trained_one(seed: int) -> None:
    """Within a quarter of a level everywhere and a few hundredths on average, of an index that varies by more."""
    convs = trained(16, seed)
    z = np.random.default_rng(seed).integers(-8, 9, (16, 6, 7)).astype(np.int8)
    with torch.no_grad():
        hidden = convs[0](torch.from_numpy(z).float()[None]).clamp(0, 127 / 8)
        hidden = convs[1](hidden).clamp(0, 127 / 8)
        wanted = (128 * torch.pixel_shuffle(convs[2](hidden), 4)[0]).abs().clamp(max=3967).numpy()
    decoder = quantised(convs, (3, 3))
    difference = np.abs(decoder.sigma_index(z, 24, 28) - wanted)
    assert difference.max() < 32
    assert difference.mean() < 4 < wanted.std()
    again = IntegerHyperScale.from_tensors(decoder.tensors())
    assert np.array_equal(again.sigma_index(z, 24, 28), decoder.sigma_index(z, 24, 28))


def test_what_cannot_be_quantised_is_refused() -> None:
    convs = trained(4, 0)
    with torch.no_grad():
        convs[1].weight[0, 0, 0, 0] = float("nan")
    with pytest.raises(ValueError, match="not finite"):
        quantised(convs, (3, 3))
    with torch.no_grad():
        convs[1].weight[0, 0, 0, 0] = 1e30
        convs[1].bias[0] = 1e30  # type: ignore[index]
    with pytest.raises(ValueError, match="does not fit"):
        quantised(convs, (3, 3))

"""Weights on disk: what comes back, what is refused."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from jpegai_ref.dimensions import COMPACT, Dimensions
from jpegai_ref.model import Model
from jpegai_ref.weights import Weights, WeightsError, entropy_tensors, identity, load_networks, network_tensors, read, write
from torch import Tensor, nn

from tests.jpegai_ref.small import SMALL, small_model


def _bytes_of(convolutions: tuple[nn.Conv2d, nn.Conv2d, nn.Conv2d]) -> Mapping[str, Tensor]:
    return {f"{index}.weight": layer.weight.detach().mul(64).to(torch.int8) for index, layer in enumerate(convolutions)}


def test_what_is_written_comes_back(tmp_path: Path) -> None:
    tensors = {"b": torch.arange(5, dtype=torch.int8), "a": torch.randn(2, 3).half()}
    name = write(tmp_path / "w.safetensors", tensors)
    weights = read(tmp_path / "w.safetensors")
    assert weights.id == name == identity(dict(reversed(tensors.items())))
    assert all(torch.equal(weights.tensors[key], tensors[key]) and weights.tensors[key].dtype == tensors[key].dtype for key in tensors)
    assert [path.name for path in tmp_path.iterdir()] == ["w.safetensors"]


def test_the_id_sees_one_bit_a_name_a_type_a_shape() -> None:
    plain = {"a": torch.zeros(4, dtype=torch.int8)}
    others = [
        {"a": torch.tensor([0, 0, 1, 0], dtype=torch.int8)},
        {"b": torch.zeros(4, dtype=torch.int8)},
        {"a": torch.zeros(4, dtype=torch.uint8)},
        {"a": torch.zeros(2, 2, dtype=torch.int8)},
    ]
    assert len({identity(tensors) for tensors in (plain, *others)}) == 5
    assert len(identity(plain)) == 32


def test_damaged_and_foreign_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    with pytest.raises(WeightsError, match="holds no weights"):
        read(path)
    write(path, {"a": torch.zeros(64)})
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)
    with pytest.raises(WeightsError, match="damaged"):
        read(path)
    path.write_bytes(content[:40])
    with pytest.raises(WeightsError, match="holds no weights"):
        read(path)


def test_networks_return_in_half_precision_without_floats_of_the_entropy_part() -> None:
    model = small_model()
    tensors = network_tensors(model)
    assert all(tensor.dtype == torch.float16 for tensor in tensors.values())
    assert not any("scale_decoder" in name or "symbols" in name or "gains" in name for name in tensors)
    torch.manual_seed(9)
    loaded = load_networks(Weights({**tensors, **entropy_tensors(model, _bytes_of)}, "x"), SMALL)
    state = model.state_dict()
    assert all(torch.equal(tensor, state[name].half().float()) for name, tensor in loaded.state_dict().items() if name in tensors)
    assert not any(parameter.requires_grad for parameter in loaded.parameters())


def test_entropy_part_is_integers_for_both_components() -> None:
    tensors = entropy_tensors(small_model(), _bytes_of)
    assert tensors["luma.gain_logs"].shape == (4, 32)
    assert tensors["chroma.frequencies"].shape == (16, 63)
    assert tensors["luma.scale_decoder.2.weight"].shape == (512, 32, 1, 1)
    assert not any(tensor.is_floating_point() for tensor in tensors.values())


def test_weights_of_other_networks_are_refused() -> None:
    tensors = network_tensors(small_model())
    wider = Dimensions(**{**vars(SMALL), "bop_luma": (16, 16, 48)})
    with pytest.raises(WeightsError, match="other networks"):
        load_networks(Weights(tensors, "x"), wider)
    tensors.pop("luma_analysis.last.bias")
    with pytest.raises(WeightsError, match="1 tensors are missing"):
        load_networks(Weights(tensors, "x"), SMALL)


def test_values_beyond_half_precision_are_refused() -> None:
    model = small_model()
    with torch.no_grad():
        model.luma_analysis.last.bias.fill_(1e6)  # type: ignore[union-attr]
    with pytest.raises(WeightsError, match=r"luma_analysis\.last\.bias"):
        network_tensors(model)


def test_the_compact_weights_fit_in_16_mib() -> None:
    model = Model(COMPACT)
    integers = entropy_tensors(model, _bytes_of)
    total = sum(tensor.nbytes for tensor in (*network_tensors(model).values(), *integers.values()))
    assert 13 << 20 < total < 14 << 20

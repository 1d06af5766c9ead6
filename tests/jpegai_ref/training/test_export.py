"""Weights out of a training, and a training out of weights."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from jpegai_ref.coder import load
from jpegai_ref.dimensions import COMPACT
from jpegai_ref.exact import ExactModel
from jpegai_ref.hyper import HyperScaleDecoder
from jpegai_ref.integer_hyperscale import IntegerHyperScale
from jpegai_ref.training.checkpoint import Checkpoint, CheckpointError, Progress
from jpegai_ref.training.data import Pictures
from jpegai_ref.training.export import export
from jpegai_ref.training.plan import Plan
from jpegai_ref.training.quantised import quantised_levels
from jpegai_ref.training.trainer import begun, resumed
from jpegai_ref.training.weights_start import model_of
from jpegai_ref.weights import Weights, WeightsError, load_networks, read
from torch import nn

from tests.jpegai_ref.small import SMALL, small_model


def _plan(out: Path, first_stage: str = "entropy", start: Weights | None = None) -> Plan:
    return Plan((), out, 50, "cpu", "fp32", 5, 1, False, start, first_stage, SMALL)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, pictures: Pictures) -> Checkpoint:
    """Two steps of the stage integer, with channels of gains and scales far apart as after a long training."""
    trainer = begun(_plan(tmp_path_factory.mktemp("out"), "integer"), pictures)
    torch.manual_seed(8)
    with torch.no_grad():
        for prior in (trainer.model.luma_prior, trainer.model.chroma_prior):
            prior.gains.levels.data += 0.7 * torch.randn_like(prior.gains.levels)
            for layer in prior.scale_decoder.convolutions:
                layer.weight *= torch.exp2(torch.randn(layer.out_channels, 1, 1, 1))
            for matrix in prior.symbols.matrices:
                matrix.data += 0.3 * torch.randn_like(matrix)
    trainer.average.restart(trainer.model)
    for _ in range(2):
        trainer.take_step()
    return trainer.checkpoint()


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory, trained: Checkpoint) -> Weights:
    path = tmp_path_factory.mktemp("weights") / "w.safetensors"
    made = export(path, trained, SMALL)
    assert made.size_bytes == path.stat().st_size
    weights = read(path)
    assert made.id == weights.id
    return weights


def test_networks_are_the_averages_in_half_precision(trained: Checkpoint, exported: Weights) -> None:
    averages = trained.averages()
    networks = {name: tensor for name, tensor in exported.tensors.items() if tensor.is_floating_point()}
    assert all(tensor.dtype == torch.float16 for tensor in networks.values())
    assert all(torch.equal(tensor, averages[name].half()) for name, tensor in networks.items() if not name.startswith("synthesis"))
    name = "context.predict.0.layers.2.weight"
    assert not torch.equal(averages[name], trained.state[name])
    load_networks(exported, SMALL)


def test_before_the_last_stage_both_copies_are_the_one_that_was_trained(trained: Checkpoint, exported: Weights) -> None:
    averages = trained.averages()
    for point in ("sop", "bop"):
        name = f"synthesis.{point}.{{}}.chroma.mid.weight"
        trained_copy = averages[name.format(0)].half()
        assert not torch.equal(averages[name.format(1)].half(), trained_copy)
        assert torch.equal(exported.tensors[name.format(0)], trained_copy)
        assert torch.equal(exported.tensors[name.format(1)], trained_copy)
    hop = [name for name in averages if name.startswith("synthesis.hop")]
    assert all(torch.equal(exported.tensors[name], averages[name].half()) for name in hop)


def test_in_the_last_stage_copies_stay_apart(tmp_path: Path, pictures: Pictures) -> None:
    trainer = begun(_plan(tmp_path, "synthesis"), pictures)
    trainer.take_step()
    checkpoint = trainer.checkpoint()
    export(tmp_path / "w.safetensors", checkpoint, SMALL)
    tensors, averages = read(tmp_path / "w.safetensors").tensors, checkpoint.averages()
    copies = [f"synthesis.bop.{copy}.luma.mid.weight" for copy in (0, 1)]
    assert all(torch.equal(tensors[name], averages[name].half()) for name in copies)
    assert not torch.equal(*(tensors[name] for name in copies))


def test_coders_compute_the_scales_that_fine_tuning_computed(trained: Checkpoint, exported: Weights) -> None:
    exact = ExactModel.from_tensors(exported.tensors)
    model = small_model()
    model.load_state_dict(trained.averages())
    for component, prior in ((exact.luma, model.luma_prior), (exact.chroma, model.chroma_prior)):
        z = np.random.default_rng(1).integers(-9, 10, (component.scale_decoder.channels, 5, 6)).astype(np.int8)
        with torch.no_grad():
            levels = quantised_levels(prior.scale_decoder, torch.from_numpy(z).float()[None], 320, 384)
        assert np.array_equal(levels[0].double().numpy() * 128, component.scale_decoder.sigma_index(z, 20, 24))
        assert np.array_equal(component.gain_logs, np.rint(prior.gains.levels.detach().numpy() * 128))


@pytest.mark.parametrize("first_stage", ["entropy", "mixed", "synthesis"])
def test_weights_come_out_of_a_training_that_starts_from_them_as_they_went_in(
    tmp_path: Path, pictures: Pictures, exported: Weights, first_stage: str
) -> None:
    export(tmp_path / "again.safetensors", begun(_plan(tmp_path, first_stage, exported), pictures).checkpoint(), SMALL)
    again = read(tmp_path / "again.safetensors").tensors
    assert again.keys() == exported.tensors.keys()
    different = [name for name, tensor in again.items() if not torch.equal(tensor, exported.tensors[name])]
    # Densities are fitted to frequencies: they come back only nearly.
    assert sorted(different) == ["chroma.frequencies", "luma.frequencies"]
    for name in different:
        p, q = (counts.double() / counts.double().sum(1, keepdim=True) for counts in (exported.tensors[name], again[name]))
        assert bool((-(p * q.log2()).sum(1) < 1.01 * -(p * p.log2()).sum(1)).all())


def test_the_committed_weights_can_be_gone_on_from(tmp_path: Path, own_weights: Path) -> None:
    """Constants of tools belong to the very networks: weights that are exported anew have none."""
    weights = read(own_weights)
    state = model_of(weights, COMPACT).state_dict()
    export(tmp_path / "again.safetensors", Checkpoint(state, {}, {}, {}, Progress(0, 9, 1, 0.0, 0)), COMPACT)
    again = read(tmp_path / "again.safetensors").tensors
    assert again.keys() == {name for name in weights.tensors if not name.startswith("tools.")}
    different = [name for name, tensor in again.items() if not torch.equal(tensor, weights.tensors[name])]
    assert sorted(different) == ["chroma.frequencies", "luma.frequencies"]
    assert len(load(tmp_path / "again.safetensors").available()) == 0


def test_a_plan_from_weights_is_continued_only_with_them(tmp_path: Path, pictures: Pictures, exported: Weights) -> None:
    plan = _plan(tmp_path, "mixed", exported)
    trainer = begun(plan, pictures)
    trainer.take_step()
    checkpoint = trainer.checkpoint()
    assert (checkpoint.progress.start, checkpoint.progress.first_stage) == (exported.id, "mixed")
    assert resumed(plan, pictures, checkpoint).step == 1
    for other in (replace(plan, start=None), replace(plan, start=replace(exported, id="0" * 32)), replace(plan, first_stage="mse")):
        with pytest.raises(CheckpointError, match=f"started from the weights {exported.id}, not of"):
            resumed(other, pictures, checkpoint)


def test_weights_that_cannot_be_started_from(exported: Weights) -> None:
    tensors = dict(exported.tensors)
    with pytest.raises(WeightsError, match="other networks"):
        model_of(exported, replace(SMALL, hop_luma=32))
    for name, replacement, reason in (
        ("luma.gain_logs", None, "no entropy part that can be used: 'luma.gain_logs'"),
        ("luma.gain_logs", torch.full((4, 32), 3000, dtype=torch.int16), "gains are in"),
        ("chroma.scale_decoder.second.bias", torch.zeros(3, dtype=torch.int32), r"\(3,\) biases"),
    ):
        changed = {key: value for key, value in tensors.items() if key != name} | ({} if replacement is None else {name: replacement})
        with pytest.raises(WeightsError, match=reason):
            model_of(Weights(changed, "x"), SMALL)
    smaller = IntegerHyperScale.from_tensors(_prefixed(tensors, "chroma.scale_decoder."))
    swapped = {f"luma.scale_decoder.{name}": tensor for name, tensor in smaller.tensors().items()}
    swapped |= {"luma.gain_logs": tensors["chroma.gain_logs"], "luma.frequencies": tensors["chroma.frequencies"]}
    with pytest.raises(WeightsError, match="16 gains of luma"):
        model_of(Weights({**tensors, **swapped}, "x"), SMALL)


def _prefixed(tensors: dict[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def test_what_cannot_be_exported_is_refused(tmp_path: Path, trained: Checkpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "w.safetensors"

    def with_value(name: str, value: float) -> Checkpoint:
        return replace(trained, state={**trained.state, name: torch.full_like(trained.state[name], value)}, average={})

    with pytest.raises(WeightsError, match=r"luma_analysis\.mix\.weight has values that half precision cannot hold"):
        export(path, with_value("luma_analysis.mix.weight", 1e6), SMALL)
    with pytest.raises(WeightsError, match="cannot be exported: a hyper-scale decoder with weights that are not finite"):
        export(path, with_value("luma_prior.scale_decoder.second.weight", math.nan), SMALL)
    with pytest.raises(WeightsError, match="cannot be exported: a channel of the hyper-scale decoder does not fit"):
        export(path, with_value("chroma_prior.scale_decoder.first.bias", 1e12), SMALL)
    with pytest.raises(CheckpointError, match="other networks"):
        export(path, trained, replace(SMALL, hop_luma=32))
    monkeypatch.setattr("jpegai_ref.training.export.LARGEST_FILE", 300_000)
    with pytest.raises(WeightsError, match=r"would have \d+ bytes, 300000 are the most"):
        export(path, trained, SMALL)
    assert list(tmp_path.iterdir()) == []


def test_what_was_fine_tuned_lies_on_the_grid_when_training_goes_on(exported: Weights) -> None:
    """The float network of a training that starts from weights is the integer one but for the rounding between layers."""
    model = model_of(exported, SMALL)
    decoder: HyperScaleDecoder = model.luma_prior.scale_decoder
    z = torch.randint(-9, 10, (1, 32, 3, 3)).float()
    with torch.no_grad():
        rounded, plain = quantised_levels(decoder, z, 192, 192), decoder(z, 192, 192)
    assert float((rounded - plain).abs().mean()) < 0.05
    assert all(isinstance(layer, nn.Conv2d) and layer.weight.shape[0] % 32 == 0 for layer in decoder.convolutions)

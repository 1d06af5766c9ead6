"""Fitting the gains: what was tilted is put right again, at the same bytes, and nothing else of the weights changes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from jpegai_ref.coder import Coder
from jpegai_ref.codestream import read_codestream
from jpegai_ref.eicci_network import PREFIX
from jpegai_ref.latents import CHROMA, LUMA
from jpegai_ref.reconstruction import synthesised
from jpegai_ref.training import fit_gains
from jpegai_ref.training.data import Pictures
from jpegai_ref.training.fit_gains import BANDS, Component, Move, fit_chroma_share, fit_component
from jpegai_ref.training.fit_samples import STEP, Sample, coded, samples
from jpegai_ref.training.fit_share import ShareCost
from jpegai_ref.variable_rate import HIGHEST_GAIN_LOG, LOWEST_GAIN_LOG
from jpegai_ref.weights import read
from numpy.typing import NDArray
from skimage.metrics import peak_signal_noise_ratio

MODEL = 2

pytestmark = pytest.mark.usefixtures("few_metrics")


@pytest.fixture(scope="module")
def found(own_coder: Coder, pictures: Pictures) -> list[Sample]:
    return samples(own_coder, pictures.training, 2, seed=5)


def component(coder: Coder, found: Sequence[Sample], index: int) -> Component:
    gain_logs = (coder.exact.luma, coder.exact.chroma)[index].gain_logs[MODEL].copy()
    parts = [(sample.source.luma, sample.source.chroma)[index] for sample in found]
    levels = np.mean([part.sigma_index.mean((1, 2)) for part in parts if part is not None], axis=0)
    return Component(index, MODEL, gain_logs, levels + gain_logs)


def component_bytes(coder: Coder, found: Sequence[Sample], index: int) -> int:
    streams = [read_codestream(coded(coder, sample, MODEL).data) for sample in found]
    return sum(stream.residual_sizes[index] for stream in streams)


@pytest.mark.parametrize("index", [LUMA, CHROMA])
def test_a_tilt_the_wrong_way_is_put_right_at_the_same_bytes(
    own_coder: Coder, found: list[Sample], index: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fit_gains, "TILT_STEPS", (0.2,))
    monkeypatch.setattr(fit_gains, "BAND_STEPS", ())
    spoilt = component(own_coder, found, index).moved(own_coder, Move(tilt=-0.4))
    lines: list[str] = []
    mended = fit_component(spoilt, found, component(spoilt, found, index), lines.append)
    tilt, worth = float(lines[0].split("tilt ")[1].split(",")[0]), float(lines[0].split("worth ")[1].split(" %")[0])
    assert tilt > 0
    assert worth < -2
    sizes = [component_bytes(coder, found, index) for coder in (spoilt, mended)]
    assert math.log(sizes[1] / sizes[0]) == pytest.approx(0, abs=0.05)


@pytest.mark.slow
def test_a_band_that_was_spoilt_is_put_right_at_the_same_bytes(
    own_coder: Coder, found: list[Sample], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fit_gains, "TILT_STEPS", ())
    monkeypatch.setattr(fit_gains, "BAND_STEPS", (384,))
    spoilt = component(own_coder, found, LUMA).moved(own_coder, Move(bands=(0, -768, *(0,) * (BANDS - 2))))
    lines: list[str] = []
    mended = fit_component(spoilt, found, component(spoilt, found, LUMA), lines.append)
    assert float(lines[0].split("worth ")[1].split(" %")[0]) < -2
    sizes = [component_bytes(coder, found, LUMA) for coder in (spoilt, mended)]
    assert math.log(sizes[1] / sizes[0]) == pytest.approx(0, abs=0.05)


def test_chroma_that_was_starved_gets_its_share_again(own_coder: Coder, found: list[Sample]) -> None:
    starved = component(own_coder, found, CHROMA).moved(own_coder, Move(offset=-640))
    lines: list[str] = []
    mended = fit_chroma_share(starved, found, component(starved, found, CHROMA), lines.append)
    offset, worth = int(lines[0].split("offset ")[1].split(",")[0]), float(lines[0].split("worth ")[1].split(" %")[0])
    assert offset > 0
    assert worth < 0
    assert component_bytes(mended, found, CHROMA) > component_bytes(starved, found, CHROMA)
    assert ShareCost(starved, found, MODEL)(mended) == pytest.approx(worth / 100, abs=1e-4)


def test_a_share_is_worth_rate_less_a_part_of_what_chroma_gains(own_coder: Coder, found: list[Sample]) -> None:
    """By other bookkeeping: scikit-image's PSNR of the planes of whole files."""
    moved = component(own_coder, found, CHROMA).moved(own_coder, Move(offset=256))

    def measured(coder: Coder, step: int = 0) -> tuple[float, NDArray[np.float64]]:
        logs, psnrs = [], []
        for sample in found:
            encoded = coded(coder, replace(sample, displacement=sample.displacement + step), MODEL)
            planes = synthesised(coder, encoded.quantised, "bop")
            logs.append(math.log(len(encoded.data)))
            psnrs.append([peak_signal_noise_ratio(sample.ycc[0, plane].numpy(), planes[plane].numpy(), data_range=255) for plane in (1, 2)])
        return float(np.mean(logs)), np.mean(psnrs, axis=0)

    (low_rate, low), (high_rate, high) = measured(own_coder, -STEP), measured(own_coder, STEP)
    (rate, psnr), (moved_rate, moved_psnr) = measured(own_coder), measured(moved)
    expected = moved_rate - rate - np.mean((moved_psnr - psnr) * (high_rate - low_rate) / (high - low)) * 0.9 / 7.9
    assert ShareCost(own_coder, found, MODEL)(moved) == pytest.approx(expected, rel=1e-4)


def test_chroma_that_does_not_react_keeps_its_share(own_coder: Coder, found: list[Sample], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ShareCost, "reacts", property(lambda _: False))
    lines: list[str] = []
    assert fit_chroma_share(own_coder, found, component(own_coder, found, CHROMA), lines.append) is own_coder
    assert "nothing to fit" in lines[0]


def test_bands_are_eighths_of_the_channels_by_level(own_coder: Coder, found: list[Sample]) -> None:
    chosen = component(own_coder, found, LUMA)
    moved = chosen.moved(own_coder, Move(bands=(*(0,) * (BANDS - 1), 64))).exact.luma.gain_logs[MODEL] - chosen.gain_logs
    lowest = np.argsort(chosen.levels)[: len(moved) // BANDS]
    assert set(np.flatnonzero(moved)) == set(lowest)
    assert set(moved[lowest]) == {64}


def test_only_the_gains_of_one_model_and_component_move_and_stay_in_their_range(own_coder: Coder, found: list[Sample]) -> None:
    chosen = component(own_coder, found, LUMA)
    moved = chosen.moved(own_coder, Move(tilt=0.8, offset=2047))
    before, after = own_coder.exact.luma.gain_logs, moved.exact.luma.gain_logs
    others = [model for model in range(len(before)) if model != MODEL]
    assert np.array_equal(before[others], after[others])
    assert moved.exact.chroma is own_coder.exact.chroma
    assert after[MODEL].max() == HIGHEST_GAIN_LOG
    assert after[MODEL].min() >= LOWEST_GAIN_LOG


def test_a_file_of_weights_keeps_its_networks_and_loses_the_constants_of_tools(
    own_weights: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fit_gains, "TILT_STEPS", (0.2,))
    monkeypatch.setattr(fit_gains, "BAND_STEPS", ())
    monkeypatch.setattr(fit_gains, "CORRECTIONS", 1)
    monkeypatch.setattr(fit_gains, "SHARE_STEPS", (256,))
    out = tmp_path / "gains.safetensors"
    assert fit_gains.main(["--data", str(folder), "--weights", str(own_weights), "--out", str(out), "--crops", "1", "--threads", "1"]) == 0
    before, after = read(own_weights).tensors, read(out).tensors
    assert set(after) == {name for name in before if not name.startswith("tools.") or name.startswith(PREFIX)}
    gains = {"luma.gain_logs", "chroma.gain_logs"}
    assert all(torch.equal(tensor, before[name]) for name, tensor in after.items() if name not in gains)


def test_a_missing_folder_or_file_is_one_line(own_weights: Path, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(tmp_path / "out.safetensors")
    assert fit_gains.main(["--data", str(tmp_path / "none"), "--weights", str(own_weights), "--out", out]) == 1
    assert fit_gains.main(["--data", str(folder), "--weights", str(tmp_path / "none"), "--out", out]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 2

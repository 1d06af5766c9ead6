"""The exported graphs: whoever runs them needs no PyTorch, and gets what it gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from jpegai_ref import devices
from jpegai_ref.coder import Coder, inference
from jpegai_ref.networks import decoder_networks
from jpegai_ref.onnx_networks import graphs

from tests.conftest import Command

HEIGHT, WIDTH = 139, 203
"""Of luma: no multiples of anything."""


@pytest.fixture(scope="module")
def files(coder: Coder) -> dict[str, bytes]:
    return dict(graphs(coder, ("sop",)))


def run(content: bytes, feeds: dict[str, Any]) -> Any:
    return onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"]).run(None, feeds)[0]


def test_every_network_of_the_operating_point_is_there(files: dict[str, bytes]) -> None:
    assert "luma_hyper_scale_decoder" in files
    assert {name for name in files if "synthesis" in name} == {f"{part}_synthesis_sop_{n}" for part in ("luma", "chroma") for n in range(2)}
    assert len(files) == 2 + 2 + 3 + 4 + 4


def test_files_are_valid_and_carry_the_id_of_the_weights(files: dict[str, bytes], coder: Coder) -> None:
    for content in files.values():
        model = onnx.load_model_from_string(content)
        onnx.checker.check_model(model, full_check=True)
        assert {entry.key: entry.value for entry in model.metadata_props} == {"weights_id": coder.weights_id.hex()}


def test_networks_of_another_size_than_they_were_traced_with(files: dict[str, bytes], coder: Coder) -> None:
    generator = torch.Generator().manual_seed(5)
    for network in decoder_networks(coder.model, ("sop",)):
        stride = network.stride or 32
        rows, columns = -(-HEIGHT // stride), -(-WIDTH // stride)
        maps = {name: torch.randn(1, channels, rows, columns, generator=generator) for name, channels in network.inputs}
        size = () if network.stride is None else (HEIGHT, WIDTH)
        with inference():
            expected = network.module(*maps.values(), *size).numpy()
        feeds = {name: value.numpy() for name, value in maps.items()} | ({"size": np.array(size, np.int64)} if size else {})
        found = run(files[network.name], feeds)
        assert found.shape == expected.shape
        np.testing.assert_allclose(found, expected, atol=2e-5 * max(1.0, float(np.abs(expected).max())), err_msg=network.name)


@pytest.mark.parametrize("component", ["luma", "chroma"])
def test_hyper_scale_decoders_give_the_very_integers(files: dict[str, bytes], coder: Coder, component: str) -> None:
    decoder = (coder.exact.luma if component == "luma" else coder.exact.chroma).scale_decoder
    z = np.random.default_rng(7).integers(-31, 32, (decoder.channels, 5, 6)).astype(np.int8)
    index = run(files[f"{component}_hyper_scale_decoder"], {"z": z.astype(np.float64)})
    shuffled = index.reshape(-1, 4, 4, 5, 6).transpose(0, 3, 1, 4, 2).reshape(-1, 20, 24)
    assert (shuffled == decoder.sigma_index(z, 20, 24)).all()


def test_command(jpegai: Command, tmp_path: Path) -> None:
    ended = jpegai("export-onnx", "graphs", "--op", "sop")
    assert ended.status == 0, ended.err
    assert len(list((tmp_path / "graphs").glob("*.onnx"))) == 15
    assert ended.out.count(".onnx") == 15


def test_command_without_the_package(jpegai: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "find_spec", lambda _name: None)
    ended = jpegai("export-onnx", "graphs")
    assert (ended.status, ended.err) == (4, "jpegai_ref: onnx is not installed (pip install onnx onnxruntime)\n")


def test_decoder_of_the_command_line(jpegai: Command, tmp_path: Path) -> None:
    assert jpegai("encode", "source.png", "a.jai", "--quality", "1500").status == 0
    for device in ("cpu", "onnx"):
        ended = jpegai("decode", "a.jai", f"{device}.ppm", "--op", "sop", "--device", device, "--threads", "2")
        assert ended.status == 0, ended.err
    one, other = (np.fromfile(tmp_path / f"{device}.ppm", np.uint8).astype(int) for device in ("cpu", "onnx"))
    assert np.abs(one - other).max() <= 1
    assert jpegai("encode", "source.png", "b.jai", "--quality", "1500", "--device", "onnx").status == 2

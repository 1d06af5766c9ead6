"""Weights of the real sizes: random but fixed ones, which code any picture, badly, and those that come with the package. The command
line, one thread of PyTorch, and an encoder that takes every filter, for those who ask."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from jpegai_ref import coder as coders
from jpegai_ref import weights
from jpegai_ref.__main__ import main
from jpegai_ref.dimensions import COMPACT
from jpegai_ref.eicci_header import EicciTile
from jpegai_ref.hyper import HIDDEN_FRACTIONAL_BITS
from jpegai_ref.model import Model
from jpegai_ref.pictures import file_content
from jpegai_ref.post_training import quantised
from jpegai_ref.weights_place import OWN_WEIGHTS, VARIABLE

from tests.conftest import Command, Ended, called
from tests.jpegai_ref.sample_pictures import rgb
from tests.jpegai_ref.some_networks import eicci_tensors
from tests.jpegai_ref.some_tools import tool_tensors


def write_random_weights(path: Path, seed: int) -> None:
    """Channels expect deviations from nearly none to large ones, as trained ones do, and hyper-latents near 0."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = Model(COMPACT)
        for prior in (model.luma_prior, model.chroma_prior):
            levels = 14 * torch.rand(prior.scale_decoder.last.out_channels // 16)
            prior.scale_decoder.last.bias = torch.nn.Parameter(levels.repeat_interleave(16))
        tensors = weights.network_tensors(model)
        bits = (HIDDEN_FRACTIONAL_BITS, HIDDEN_FRACTIONAL_BITS)
        tensors |= weights.entropy_tensors(model, lambda convs: quantised(convs, bits).tensors())
        likelihood = torch.exp(-torch.arange(-31, 32).abs() / 2.0)
        for component in ("luma", "chroma"):
            shape = tensors[f"{component}.frequencies"].shape
            tensors[f"{component}.frequencies"] = (1 + 1e8 * likelihood).to(torch.int32).expand(shape).contiguous()
        weights.write(path, tensors)


@pytest.fixture(scope="session")
def weights_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "random.safetensors"
    write_random_weights(path, 1)
    return path


@pytest.fixture(scope="session")
def coder(weights_path: Path) -> coders.Coder:
    return coders.load(weights_path)


@pytest.fixture(scope="session")
def tool_weights_path(weights_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same networks with constants for all fitted tools, and random networks of eICCI."""
    path = tmp_path_factory.mktemp("weights") / "tools.safetensors"
    weights.write(path, weights.read(weights_path).tensors | tool_tensors() | eicci_tensors())
    return path


@pytest.fixture(scope="session")
def tool_coder(tool_weights_path: Path) -> coders.Coder:
    return coders.load(tool_weights_path)


@pytest.fixture(scope="session")
def own_weights() -> Path:
    (path,) = OWN_WEIGHTS.glob("*.safetensors")
    return path


@pytest.fixture(scope="session")
def own_coder(own_weights: Path) -> coders.Coder:
    return coders.load(own_weights)


@pytest.fixture
def jpegai(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, weights_path: Path) -> Command:
    """Calls the command line inside `tmp_path`, where source.png is a picture of 70x66."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(VARIABLE, str(weights_path.parent))
    (tmp_path / "source.png").write_bytes(file_content(".png", rgb(66, 70)))
    return called(main, capfd)


def refused(ended: Ended, status: int, *reasons: str) -> None:
    """One line on standard error."""
    assert ended.status == status
    assert ended.out == ""
    assert ended.err.startswith("jpegai_ref: ")
    assert ended.err.count("\n") == 1
    for reason in reasons:
        assert reason in ended.err


@pytest.fixture
def one_thread() -> Iterator[None]:
    """PyTorch on one thread, whatever a test does to it."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def everything_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    """eICCI in all tiles and planes: random networks seldom help."""
    monkeypatch.setattr("jpegai_ref.eicci_fit._best", lambda planes, *_: EicciTile(True, len(planes) > 1, len(planes) > 1))

"""The same networks in other arithmetic: integers identical, samples nearly; and a device that is wrong on purpose is noticed by tensor."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from jpegai_ref import devices, engines
from jpegai_ref.coder import Coder, DeviceMissing
from jpegai_ref.decoder import decode
from jpegai_ref.engines import load_engine
from jpegai_ref.errors import BitstreamError
from jpegai_ref.model import OPERATING_POINTS
from jpegai_ref.networks import decoder_networks, encoder_networks
from jpegai_ref.picture import Picture
from jpegai_ref.regions import Regions
from jpegai_ref.tools import Tools
from jpegai_ref.tracing import Trace, traced_decode, traced_encode

from ctc.interop.differences import first_difference
from tests.jpegai_ref.sample_pictures import rgb

TENSORS = ["luma.z", "chroma.z", "luma.sigma_index", "chroma.sigma_index", "luma.symbols", "chroma.symbols"]
QUALITY = 1500


@pytest.fixture(scope="module")
def made(coder: Coder) -> tuple[bytes, Trace]:
    """A stream of an odd size, and its encoder's integers."""
    trace: Trace = {}
    return traced_encode(coder, rgb(83, 109), QUALITY, Tools(), trace), trace


@pytest.fixture(params=["no-onednn", "float64", "onnx"])
def other(request: pytest.FixtureRequest, weights_path: Path) -> Iterator[Callable[[], Coder]]:
    """An engine that is not the first."""
    before = torch.backends.mkldnn.enabled
    yield partial(load_engine, request.param, weights_path)
    torch.backends.mkldnn.set_flags(before)


def planes(picture: Picture) -> np.ndarray[tuple[int, ...], np.dtype[np.int32]]:
    return np.stack(picture.planes).astype(np.int32)


def test_a_traced_decoder_gives_the_same_picture(coder: Coder, made: tuple[bytes, Trace]) -> None:
    data, expected = made
    for point in OPERATING_POINTS:
        trace: Trace = {}
        assert (planes(traced_decode(coder, data, point, trace)) == planes(decode(coder, data, point))).all()
        assert list(trace) == list(expected) == TENSORS
        assert first_difference(expected, trace, whole=True) is None
    assert expected["luma.symbols"].any()
    assert expected["chroma.sigma_index"].any()


def test_a_quality_map_is_traced_too(coder: Coder) -> None:
    expected: Trace = {}
    found: Trace = {}
    data = traced_encode(coder, rgb(130, 140), QUALITY, Tools.parse("quality-map"), expected)
    traced_decode(coder, data, "sop", found)
    assert list(found) == ["quality_map", *TENSORS]
    assert first_difference(expected, found, whole=True) is None


def test_independent_regions_are_not_traced(coder: Coder) -> None:
    from jpegai_ref.encoder import encode
    from jpegai_ref.quality import setting_of

    data = encode(coder, rgb(128, 640), setting_of(QUALITY), regions=Regions(1, 2)).data
    with pytest.raises(BitstreamError, match="independent regions are not traced"):
        traced_decode(coder, data, "sop", {})


def test_integers_are_the_same_and_samples_nearly(coder: Coder, made: tuple[bytes, Trace], other: Callable[[], Coder]) -> None:
    data, expected = made
    before = {point: planes(decode(coder, data, point)) for point in OPERATING_POINTS}
    there = other()
    for point in OPERATING_POINTS:
        trace: Trace = {}
        apart = np.abs(planes(traced_decode(there, data, point, trace)) - before[point])
        assert first_difference(expected, trace, whole=True) is None
        assert apart.max() <= 1
        assert np.count_nonzero(apart) < 0.002 * apart.size


def test_float_scales_are_caught_by_the_name_of_the_tensor(own_coder: Coder, own_weights: Path) -> None:
    expected: Trace = {}
    found: Trace = {}
    data = traced_encode(own_coder, rgb(83, 109), QUALITY, Tools(), expected)
    broken = load_engine("float-scales", own_weights)
    whole = True
    try:
        traced_decode(broken, data, "sop", found)
    except BitstreamError:
        whole = False
    difference = first_difference(expected, found, whole=whole)
    assert difference is not None
    assert difference.tensor == "luma.sigma_index"
    assert "values differ, first at (" in difference.detail


def test_float_scales_are_nearly_right(own_coder: Coder) -> None:
    """So that catching them proves something: another rounding, no other network."""
    decoder = own_coder.exact.luma.scale_decoder
    z = np.random.default_rng(3).integers(-4, 5, (decoder.channels, 3, 4)).astype(np.int8)
    exact = decoder.sigma_index(z, 12, 16).astype(np.float64)
    near = engines._with_float_scales(own_coder).exact.luma.scale_decoder.sigma_index(z, 12, 16)
    assert (near != exact).any()
    assert np.median(np.abs(near - exact)) < 64
    assert np.corrcoef(near.ravel(), exact.ravel())[0, 1] > 0.99


def test_every_network_with_weights_has_a_name(coder: Coder) -> None:
    """A part that is left out would be computed as before on every engine, and never compared."""
    named = [network.module for network in (*encoder_networks(coder.model), *decoder_networks(coder.model))]
    covered = {id(parameter) for module in named for parameter in module.parameters()}
    rest = {name.split(".")[1] for name, parameter in coder.model.named_parameters() if id(parameter) not in covered}
    # What the entropy part has as integers, or as tables.
    assert rest <= {"scale_decoder", "symbols", "gains"}


def test_unknown_engines_are_refused(weights_path: Path) -> None:
    with pytest.raises(ValueError, match="'abacus' is no engine"):
        load_engine("abacus", weights_path)


def test_devices_say_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "find_spec", lambda _name: None)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setenv("CXX", "no-such-compiler")
    missing = {device.name: device.missing for device in devices.devices()}
    assert missing["onnx"].startswith("onnx and onnxruntime are not installed")
    assert missing["cuda"] == "no CUDA device"
    assert missing["compiled"] == "torch.compile needs a C++ compiler, and there is no no-such-compiler"
    assert missing["cpu"] == missing["float64"] == missing["no-onednn"] == ""
    assert {device.engine for device in devices.devices()} == set(devices.ENGINES) == set(engines._ENGINES)


def test_onnx_without_its_packages(monkeypatch: pytest.MonkeyPatch, weights_path: Path) -> None:
    monkeypatch.setattr(devices, "find_spec", lambda _name: None)
    with pytest.raises(DeviceMissing, match="onnx and onnxruntime are not installed"):
        load_engine("onnx", weights_path)

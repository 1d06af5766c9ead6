"""The training of eICCI: its loss, a short training that helps, and a whole file of weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from jpegai_ref import weights
from jpegai_ref.coder import Coder, load
from jpegai_ref.colour import ycc_from_rgb
from jpegai_ref.eicci_network import PREFIX, Eicci
from jpegai_ref.encoder import Setting, encode
from jpegai_ref.pictures import file_content
from jpegai_ref.tools import Tools
from jpegai_ref.training import fit_eicci
from jpegai_ref.training.eicci_loss import LumaShares, loss
from jpegai_ref.training.eicci_recordings import Recording, recorded
from jpegai_ref.training.eicci_training import Passed, corrected, gains, trained
from jpegai_ref.visible_errors import squared_error

from tests.jpegai_ref.sample_pictures import blurred, original, rgb

pytestmark = pytest.mark.usefixtures("one_thread")


def recordings() -> list[Recording]:
    """What every model and operating point makes of pictures is a blur."""
    found = []
    for top, left in ((0, 0), (60, 200), (200, 100), (220, 400)):
        planes = original(top, left)
        found.append(Recording(planes[0].half(), blurred(planes).half().expand(3, 4, 3, 176, 176)))
    return found


def steps(number: int) -> Passed:
    return lambda step: step / number


@pytest.mark.slow
def test_a_short_training_helps_on_other_pictures() -> None:
    *given, other = recordings()
    lines: list[str] = []
    networks = trained(given, 1, steps(100), lines.append)
    assert [line.split(",")[0] for line in lines] == ["step 100"]
    planes = (other.decoded[1, 2].float()[None], other.original.float()[None])
    filtered = corrected(networks, planes[0], "bop", 2)
    for plane in range(3):
        chosen = slice(plane, plane + 1)
        before, behind = (squared_error(one[:, chosen], planes[1][:, chosen]).item() for one in (planes[0], filtered))
        assert behind < 0.97 * before
    assert loss(filtered, *planes, LumaShares()) < 2.9
    report = list(gains(networks, [other]))
    assert len(report) == 12
    assert all("PSNR Y +" in line and "MS-SSIM -" in line for line in report)


def test_the_same_seed_gives_the_same_networks() -> None:
    given, states = recordings()[:1], []
    for seed in (1, 1, 2):
        state = trained(given, seed, steps(2), lambda _: None).state_dict()
        states.append(b"".join(tensor.numpy().tobytes() for tensor in state.values()))
    assert states[0] == states[1] != states[2]


def test_a_filter_that_does_nothing_leaves_all_of_the_errors() -> None:
    planes = original(0, 0)
    assert loss(blurred(planes), blurred(planes), planes, LumaShares()).item() == pytest.approx(3)
    assert loss(planes, blurred(planes), planes, LumaShares()).item() == pytest.approx(0, abs=1e-3)


def test_recordings_are_what_the_decoder_gives(coder: Coder) -> None:
    crop = torch.from_numpy(np.stack(rgb(64, 66).planes))
    (found,) = recorded(coder, [crop], None)
    assert torch.equal(found.original, ycc_from_rgb(crop.float()).half())
    rgb_planes = encode(coder, rgb(64, 66), Setting(2, 0)).reconstruction(coder, "sop").planes
    decoded = ycc_from_rgb(torch.from_numpy(np.stack(rgb_planes).astype(np.float32)))
    # Samples of the file are clamped to RGB and rounded.
    assert (found.decoded[0, 2].float() - decoded).abs().median() < 1
    assert found.decoded.shape == (3, 4, 3, 64, 66)
    spread = list(recorded(coder, [crop, crop], np.random.default_rng(0)))
    assert not torch.equal(spread[0].decoded, spread[1].decoded)


@pytest.mark.slow
def test_a_file_of_weights_gets_networks(weights_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, out = tmp_path / "pictures", tmp_path / "with.safetensors"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.png").write_bytes(file_content(".png", rgb(270 + number, 280)))
    assert fit_eicci.main(["--data", str(folder), "--weights", str(weights_path), "--out", str(out), "--minutes", "0"]) == 0
    assert "held out, model 3, hop: PSNR Y +0.000" in (printed := capsys.readouterr().out)
    coder = load(out)
    assert coder.available() == ("eicci",)
    assert f"has the id {weights.read(out).id}" in printed
    plain, kept = weights.read(weights_path).tensors, weights.read(out).tensors
    assert {name for name in kept if name not in plain} == {name for name in kept if name.startswith(PREFIX)}
    assert encode(coder, rgb(64, 64), Setting(1, 0), Tools(eicci=True)).decisions.enhancement.eicci is None
    kept[f"{PREFIX}luma.strength"] += 1
    weights.write(out, kept)
    assert fit_eicci.main(["--data", str(folder), "--weights", str(out), "--out", str(out), "--minutes", "0"]) == 0
    assert weights.read(out).tensors[f"{PREFIX}luma.strength"].max() < 0.2


def test_what_cannot_be_used_is_said_in_a_line(weights_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--weights", str(weights_path), "--out", str(tmp_path / "out")]
    assert fit_eicci.main(["--data", str(tmp_path / "nowhere"), *arguments]) == 1
    assert "is no folder of pictures" in capsys.readouterr().err


def test_networks_that_are_not_finite_are_no_weights(
    weights_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        (tmp_path / f"{number}.png").write_bytes(file_content(".png", rgb(270 + number, 280)))

    def diverged(*_: object) -> Eicci:
        networks = Eicci()
        torch.nn.init.constant_(networks.luma.strength, float("nan"))
        return networks.requires_grad_(False)

    monkeypatch.setattr(fit_eicci, "trained", diverged)
    out = tmp_path / "out"
    assert fit_eicci.main(["--data", str(tmp_path), "--weights", str(weights_path), "--out", str(out), "--minutes", "0"]) == 1
    complaint = "the networks of eICCI have values that half precision cannot hold"
    assert capsys.readouterr().err == f"jpegai_ref.training.fit_eicci: {complaint}\n"
    assert not out.exists()

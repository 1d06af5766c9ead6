"""The moving average of the weights."""

from __future__ import annotations

import pytest
import torch
from jpegai_ref.training.average import Average
from torch import Tensor, nn

from tests.jpegai_ref.small import small_model

NAME = "luma_analysis.mix.weight"


def _moved(average: Average, model: nn.Module, steps: int) -> list[Tensor]:
    """The parameter after each of some random steps, which the average takes in."""
    parameter = dict(model.named_parameters())[NAME]
    history = []
    for _ in range(steps):
        with torch.no_grad():
            parameter.add_(torch.randn_like(parameter))
        average.update({NAME: parameter})
        history.append(parameter.detach().clone())
    return history


def test_it_follows_its_recursion_and_leaves_what_is_not_trained() -> None:
    model = small_model()
    expected = dict(model.named_parameters())[NAME].detach().clone()
    others = {name: value.clone() for name, value in model.state_dict().items() if name != NAME}
    average = Average(model)
    for number, value in enumerate(_moved(average, model, 40), 1):
        keep = min(0.999, number / (number + 9))
        expected = keep * expected + (1 - keep) * value
    found = average.model.state_dict()
    torch.testing.assert_close(found[NAME], expected)
    assert all(torch.equal(found[name], value) for name, value in others.items())
    assert not any(parameter.requires_grad for parameter in average.model.parameters())


@pytest.mark.parametrize(("updates", "last_share"), [(1, 0.9), (91, 0.09), (8991, 0.001), (10**6, 0.001)])
def test_how_much_a_step_counts(updates: int, last_share: float) -> None:
    model = small_model()
    average = Average(model)
    average.resume(model.state_dict(), updates - 1)
    parameter = dict(model.named_parameters())[NAME]
    before = parameter.detach().clone()
    with torch.no_grad():
        parameter.add_(1)
    average.update({NAME: parameter})
    moved = average.model.state_dict()[NAME] - before
    torch.testing.assert_close(moved, torch.full_like(moved, last_share), rtol=1e-3, atol=1e-6)


def test_a_restart_forgets() -> None:
    model = small_model()
    average = Average(model)
    last = _moved(average, model, 5)[-1]
    assert not torch.equal(average.model.state_dict()[NAME], last)
    average.restart(model)
    assert torch.equal(average.model.state_dict()[NAME], last)
    assert average.updates == 0

"""Counting by two rules: against what is published of networks that everybody knows, and against the program whose rule one of them is."""

from __future__ import annotations

import pytest
import torch
import torchvision  # type: ignore[import-untyped]
from torch import Tensor, nn

from ctc.complexity.macs import Macs, counted


def of_network(network: nn.Module, size: tuple[int, ...]) -> Macs:
    """Counted on the meta device: sizes alone."""
    with torch.no_grad():
        found = counted(lambda: network(torch.zeros(size, device="meta")), {"all of it": [network]}, "rest")
    assert found.keys() == {"all of it"}
    return found["all of it"]


@pytest.mark.parametrize(
    ("name", "products", "with_the_rest"),
    [
        ("alexnet", 0.714, 0.72),
        ("squeezenet1_0", 0.819, 0.83),
        ("resnet18", 1.814, 1.82),
        ("resnet50", 4.089, 4.12),
        ("densenet121", 2.834, 2.88),
        ("vgg16", 15.47, 15.5),
        ("vgg16_bn", 15.47, 15.53),
    ],
)
def test_published_networks(name: str, products: float, with_the_rest: float) -> None:
    """GMAC at 224x224: of products alone as in torchvision's table of pre-trained weights (pytorch.org/vision/stable/models, column
    GFLOPS), and by ptflops' rule as in its benchmark (github.com/sovrasov/flops-counter.pytorch, README). He et al. (2016) give 3.8 for
    ResNet-50 with the stride in the first convolution of a block, where torchvision has it in the second."""
    with torch.device("meta"):
        network = getattr(torchvision.models, name)(weights=None).eval()
    macs = of_network(network, (1, 3, 224, 224))
    decimals = 2 if products > 10 else 3
    assert round(macs.flop_counter / 1e9, decimals) == products
    assert round(macs.official / 1e9, 1 if with_the_rest == 15.5 else 2) == with_the_rest
    assert macs.functional == 0


@pytest.mark.parametrize(("name", "official"), [("resnet50", 4121925096), ("mobilenet_v2", 320237288), ("alexnet", 715561896)])
def test_to_the_last_operation_of_ptflops(name: str, official: int) -> None:
    """What `get_model_complexity_info` of ptflops 0.6.5 gave for (3, 224, 224)."""
    with torch.device("meta"):
        network = getattr(torchvision.models, name)(weights=None).eval()
    assert of_network(network, (1, 3, 224, 224)).official == official


def test_a_transposed_convolution_by_both_rules() -> None:
    """1753440 is what ptflops 0.6.5 gave for this network and (3, 20, 30)."""
    with torch.device("meta"):
        up = nn.ConvTranspose2d(3, 8, 4, 2, 1)
        layers = (nn.LeakyReLU(), nn.Conv2d(8, 8, 3, groups=2, bias=False), nn.ELU(), nn.Upsample(scale_factor=2), nn.AvgPool2d(2))
        network = nn.Sequential(up, *layers)
    macs = of_network(network, (1, 3, 20, 30))
    inputs, outputs = 20 * 30, 40 * 60
    assert macs.flop_counter == macs.products == 4 * 4 * 3 * 8 * inputs + 3 * 3 * 8 * 4 * 38 * 58
    assert macs.transposed == 4 * 4 * 3 * 8 * (outputs - inputs)
    assert macs.biases == 8 * outputs
    assert macs.official == 1753440


class Half(nn.Module):
    """A product inside a module's call but in no module, and a convolution that is called alone."""

    def __init__(self) -> None:
        super().__init__()
        self.point = nn.Conv2d(4, 4, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        flat = self.point(x).flatten(2)
        return flat @ flat.transpose(1, 2)


def test_parts_are_told_apart_and_the_rest_is_not_lost() -> None:
    one, two = Half(), Half()
    x = torch.zeros(1, 4, 5, 5)

    def call() -> None:
        one(x)
        two.point(x)
        torch.zeros(3, 7) @ torch.zeros(7, 2)

    found = counted(call, {"one": [one], "two": [two], "idle": [Half()]}, "rest")
    conv = 4 * 4 * 25
    assert found == {
        "one": Macs(flop_counter=conv + 4 * 4 * 25, products=conv),
        "two": Macs(flop_counter=conv, products=conv),
        "rest": Macs(flop_counter=3 * 7 * 2),
    }
    assert (found["one"].functional, found["rest"].functional) == (400, 42)


def test_hooks_are_gone_afterwards_also_after_a_failure() -> None:
    network = Half()

    def fail() -> None:
        network(torch.zeros(1, 4, 2, 2))
        raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        counted(fail, {"all": [network]}, "rest")
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in network.modules())

"""Networks of eICCI that change every plane, another way for each model and operating point."""

from __future__ import annotations

import torch
from jpegai_ref.eicci_network import Eicci, network_tensors


def random_networks(seed: int = 0, strength: float = 0.3) -> Eicci:
    """With corrections of some units of samples in 0..255."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        networks = Eicci()
        for network in (networks.luma, networks.chroma):
            torch.nn.init.normal_(network.first_bias, std=0.3)
            torch.nn.init.normal_(network.last.weight, std=0.02)
            torch.nn.init.uniform_(network.strength, strength / 2, strength)
    return networks.eval().requires_grad_(False)


def eicci_tensors(seed: int = 0) -> dict[str, torch.Tensor]:
    """As a file of weights has them."""
    return network_tensors(random_networks(seed))

"""Random weights for networks that are compared with themselves in other engines.

A network as it is built answers nearly nothing: last layers start at N(0, 0.001), and what an exported file computes
wrongly is lost in that.
"""

import math
from collections.abc import Mapping

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm  # pyright: ignore[reportPrivateUsage]
from torch.nn.modules.conv import _ConvNd  # pyright: ignore[reportPrivateUsage]


@torch.no_grad()
def randomise(module: nn.Module, gains: Mapping[str, float]) -> None:
    """Fill convolutions and linear layers so that signals keep their size, and BatchNorms with means and variances.

    Other parameters stay. Numbers come from PyTorch's generator. `gains` are factors on the parameters of these names.
    """
    for layer in module.modules():
        if isinstance(layer, _ConvNd | nn.Linear):
            bound = math.sqrt(6 / layer.weight[0].numel())  # He et al., ICCV 2015
            layer.weight.uniform_(-bound, bound)
            if layer.bias is not None:
                layer.bias.uniform_(-0.1, 0.1)
        elif (
            isinstance(layer, _BatchNorm) and layer.running_mean is not None and layer.running_var is not None
        ):
            layer.weight.uniform_(0.4, 0.8)
            layer.bias.uniform_(-0.1, 0.1)
            layer.running_mean.uniform_(-0.1, 0.1)
            layer.running_var.uniform_(0.8, 1.2)
    for name, gain in gains.items():
        module.get_parameter(name).mul_(gain)

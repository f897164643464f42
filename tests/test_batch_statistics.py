import pytest
import torch
from torch import nn

from tlkit.batch_statistics import batch_norm


@pytest.mark.parametrize("momentum", [0.1, 0.7, 1.0])
@pytest.mark.parametrize("frozen", [True, False])
def test_it_is_torchs_batchnorm_in_eval_and_in_training_mode(frozen, momentum):
    dice = torch.Generator().manual_seed(0)
    layer = nn.BatchNorm1d(3, momentum=momentum).double().train(not frozen)
    with torch.no_grad():
        for value in (layer.weight, layer.bias, layer.running_mean, layer.running_var):
            value.copy_(torch.rand(3, generator=dice) + 0.5)
    inputs = torch.randn(5, 3, generator=dice, dtype=torch.float64) * 0.01 + 4
    given = [layer.weight, layer.bias, layer.running_mean.clone(), layer.running_var.clone()]
    output, mean, variance = batch_norm(inputs, *given, momentum, frozen)
    assert torch.allclose(output, layer(inputs), rtol=1e-10)
    assert torch.allclose(mean, layer.running_mean, rtol=1e-12) and torch.allclose(variance, layer.running_var, rtol=1e-12)
    assert torch.equal(mean, given[2]) == frozen

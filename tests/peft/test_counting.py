"""Costs by arithmetic are those of the layers themselves."""

import pytest
import torch
from torch import nn

from tlkit import peft
from tlkit.errors import TlkitError


def test_parameters_and_moments_are_those_of_layers_and_optimiser():
    layers = [peft.LoRALinear(nn.Linear(7, 5), rank=3), peft.LoRAConv(nn.Conv2d(4, 6, 3), rank=3), peft.LoRAConv(nn.Conv1d(4, 9, 5), rank=3)]
    trains = [parameter for layer in layers for parameter in layer.own_parameters()]
    optimizer = torch.optim.AdamW(trains)
    for parameter in trains:
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    moments = sum(values.nbytes for state in optimizer.state.values() for values in state.values() if values.ndim)
    parameters, counted, share = peft.low_rank_cost([layer.weight.shape for layer in layers], rank=3)
    assert parameters == sum(parameter.numel() for parameter in trains) and counted == moments
    assert share == pytest.approx(parameters / sum(layer.weight.numel() for layer in layers))


@pytest.mark.parametrize("shapes, rank, said", [
    ([(4, 5)], 0, "rank=0 must be a whole number from 1 on"), ([(4, 5)], 1.5, "rank=1.5 must be a whole number from 1 on"),
    ([(4, 5)], 5, "between 1 and 4"), ([(9, 5), (4, 3)], 4, "between 1 and 3"), ([], 1, "no weights"),
])
def test_a_rank_that_does_not_fit_is_refused(shapes, rank, said):
    with pytest.raises(TlkitError, match=said):
        peft.low_rank_cost(shapes, rank)


@pytest.mark.parametrize("size", [-1, 0, 2.5, "4"])
def test_numbers_of_no_whole_size_are_refused(size):
    with pytest.raises(TlkitError, match=f"bytes_per_number={size!r} must be a whole number from 1 on"):
        peft.low_rank_cost([(4, 5)], 1, bytes_per_number=size)


@pytest.mark.parametrize("rank", [0, -1])
def test_a_layer_of_no_rank_is_refused_in_words(rank):
    with pytest.raises(TlkitError, match="must be 1 or more"):
        peft.LoRALinear(nn.Linear(3, 2), rank)


def test_prompts_stand_in_front_and_are_seen():
    hidden, mask, prompts = torch.randn(2, 3, 4), torch.tensor([[True, True, False], [True, False, False]]), torch.randn(5, 4)
    found, seen = peft.with_prompts(hidden, mask, prompts)
    assert torch.equal(found[:, 5:], hidden) and all(torch.equal(row, prompts) for row in found[:, :5])
    assert seen.dtype == torch.bool and seen[:, :5].all() and torch.equal(seen[:, 5:], mask)

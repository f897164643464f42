"""Values as plain data: what is told apart, and what is not."""

import copy

import torch

from tlkit.exercises.recipe import model
from tlkit.grading.encoding import encode
from tlkit.grading.observation import Array
from tlkit.grading.recipes import Trace, build


def test_a_models_own_parameter_is_told_from_a_copy():
    (made,), _ = build((model(("linear", 2, 3), name="the model", seed=0),), Trace())
    own = made[0].weight
    assert encode([{"params": [own], "lr": 0.1}]) == [{"params": ["the model: 0.weight"], "lr": 0.1}]
    for copied in (own.detach(), own.data, own.clone(), torch.nn.Parameter(own), copy.deepcopy(made)[0].weight, copy.copy(own)):
        assert isinstance(encode(copied), Array)

"""Exercise 05.rates: parameter groups by depth."""

import numpy as np
from torch import nn

from tlkit.exercises.recipe import model
from tlkit.exercises.record import Case, Exercise, Misconception


def _rates_cases(rng: np.random.Generator) -> list[Case]:
    def call(*layers, by_depth=True, shrinks=True):
        """Where rates are not asked for they are all the same, and where the decay is not, it is 0: a mistake costs its own group."""
        rate, head, decay, shrink = (float(np.round(rng.uniform(*between), 4)) for between in ((1e-3, 9e-3), (0.02, 0.09), (0.2, 0.8), (0.01, 0.3)))
        head, decay = (head, decay) if by_depth else (rate, 1.0)
        return model(*layers, name="model", seed=int(rng.integers(1000))), rate, head, decay, shrink if shrinks else 0.0

    wide = int(rng.integers(5, 8))
    small = (("linear", 2, 3), ("linear", 3, 2))
    plain = (("linear", 2, 3), ("linear", 3, wide), ("linear", wide, 4), ("linear", 4, 3))
    norms = (("linear", 2, 3), ("batchnorm", 3), ("tanh",), ("linear", 3, wide), ("layernorm", wide), ("relu",), ("linear", wide, 3))
    words = (("embedding", wide, 3), ("layernorm", 3), ("linear", 3, 2))
    return [
        Case("the rates", "a body of one layer and a head", (call(*small, shrinks=False),)),
        Case("the rates", "four layers", (call(*plain, shrinks=False),)),
        Case("layers without parameters count", "an activation below the head", (call(*norms, shrinks=False),)),
        Case("layers without parameters count", "two activations in a row", (call(("linear", 2, 3), ("relu",), ("tanh",), *small[1:], shrinks=False),)),
        Case("every parameter once", "norms with a scale and a shift", (call(*norms),)),
        Case("every parameter once", "an embedding, which has no bias", (call(*words),)),
        Case("norms and biases do not decay", "two layers", (call(*small, by_depth=False),)),
        Case("norms and biases do not decay", "both kinds of norms", (call(*norms, by_depth=False),)),
    ]


def _rates_view(values: list, calls: tuple) -> dict:
    """Parameter by parameter: in how many groups, how fast, with how much decay; whatever the order of the groups.

    A copy of a parameter is none of the model's: an optimiser that is given the copy leaves the model as it is.
    """
    (seen,) = values
    groups = [{**group, "params": [parameter if isinstance(parameter, str) else "a copy" for parameter in group["params"]]}
              for group in seen["what is returned"]]
    facts = {}
    for name in seen["model: parameters afterwards"]:
        mine = [group for group in groups for parameter in group["params"] if parameter == f"model: {name}"]
        facts[f"groups that hold {name}"] = len(mine)
        facts[f"the learning rate of {name}"] = mine[0]["lr"] if mine else None
        facts[f"the weight decay of {name}"] = mine[0]["weight_decay"] if mine else None
    facts["parameters in all groups"] = sum(len(group["params"]) for group in groups)
    return facts


_NORMS = (nn.BatchNorm1d, nn.LayerNorm)


def _spared(layer, label):
    return label == "bias" or isinstance(layer, _NORMS)


def _groups(rate=lambda layers, depth, lr, decay: lr * decay ** (len(layers) - 2 - depth), spared=_spared, head=lambda lr, head_lr: head_lr,
            weighted=False, decay_of_spared=lambda weight_decay: 0.0, wanted=lambda layer, label: True, twice=False, reverse=False):
    """Parameter groups with one mistake."""

    def parameter_groups(model, learning_rate, head_learning_rate, depth_decay, weight_decay):
        layers = [layer for layer in model if not weighted or list(layer.parameters())]
        groups = []
        for depth, layer in enumerate(layers):
            is_head = depth == (0 if reverse else len(layers) - 1)
            own = head(learning_rate, head_learning_rate) if is_head else rate(layers, depth, learning_rate, depth_decay)
            for label, parameter in layer.named_parameters():
                if wanted(layer, label):
                    shrink = decay_of_spared(weight_decay) if spared(layer, label) else weight_decay
                    groups.append({"params": [parameter], "lr": own, "weight_decay": shrink})
        if twice:
            groups.append({"params": list(model[-1].parameters()), "lr": head_learning_rate, "weight_decay": 0.0})
        return groups

    return parameter_groups


def _copies(*call):
    return [{**group, "params": [nn.Parameter(parameter.detach().clone()) for parameter in group["params"]]} for group in _groups()(*call)]


RATES = Exercise(
    id="05.rates",
    title="learning rates by depth",
    name="parameter_groups",
    kind="loop",
    parameters=("model", "learning_rate", "head_learning_rate", "depth_decay", "weight_decay"),
    points=4,
    minutes=12,
    difficulty="medium",
    reference="tlkit.freezing:groups_by_depth",
    cases=_rates_cases,
    view=_rates_view,
    looks_at=("parameters",),
    hint="Go through the layers with their number. For each: its rate, then its parameters, each into one of two groups.",
    shrinks=False,
    equivalent_mutants={
        "dropped: stages = list(stages)": "the cases give a Sequential, which has a length too",
        "if parameter.requires_grad or id(parameter) not in seen:": "in these cases everything trains, and no layer comes twice",
        "dropped: seen.add(id(parameter))": "in these cases no layer comes twice",
        **dict.fromkeys(("for label, parameter in module.named_parameters():", "for label, parameter in module.named_parameters(recurse=True):"),
                        "the layers of these cases hold no others"),
    },
    misconceptions=(
        Misconception("fast at the input, slow at the head", "The exponent counts from the input, but it is the early layers that hold what is "
                      "general and should move least.", "Which layer should be the slowest?",
                      _groups(lambda layers, depth, lr, decay: lr * decay**depth)),
        Misconception("one step of decay too many", "The last layer of the body is at full rate; the head has a rate of its own.",
                      "Which exponent belongs to the layer just below the head?",
                      _groups(lambda layers, depth, lr, decay: lr * decay ** (len(layers) - 1 - depth))),
        Misconception("layers without parameters are not counted", "Activations learn nothing, but in this exercise every layer is a stage.",
                      "How many layers lie between this one and the head?", _groups(weighted=True)),
        Misconception("the decay is subtracted, not multiplied", "“Half as fast” at every step is a product.",
                      "Which rate has a layer two steps below the last one?",
                      _groups(lambda layers, depth, lr, decay: lr - lr * (1 - decay) * (len(layers) - 2 - depth))),
        Misconception("all of the body equally fast", "Body and head are told apart, and depth is not.", "Where does `depth_decay` come in?",
                      _groups(lambda layers, depth, lr, decay: lr)),
        Misconception("every layer of the body slowed down once", "The factor is right, and its power is missing.",
                      "How does the rate change from one layer to the next?",
                      _groups(lambda layers, depth, lr, decay: lr if depth == len(layers) - 2 else lr * decay)),
        Misconception("the head at the body's rate", "It is new, and has the farthest to go.", "What is `head_learning_rate` for?",
                      _groups(head=lambda lr, head_lr: lr)),
        Misconception("everything decays", "One `weight_decay` for all is the optimiser's default.",
                      "What would pulling a norm's scale towards zero do?", _groups(spared=lambda layer, label: False)),
        Misconception("norms decay", "Their scale is called `weight`, as that of a linear layer is.",
                      "Which layers have a `weight` that is only a scale?", _groups(spared=lambda layer, label: label == "bias")),
        Misconception("biases decay", "Norms were thought of; biases are spared as well.", "What is a bias there for?",
                      _groups(spared=lambda layer, label: isinstance(layer, _NORMS))),
        Misconception("nothing decays", "The optimiser's own default would still be there, but a group's entry comes first.",
                      "Which parameters are matrices?", _groups(spared=lambda layer, label: True)),
        Misconception("weights are spared, the rest decays", "The two lists are easily swapped.", "Which of the two should get `weight_decay`?",
                      _groups(spared=lambda layer, label: not _spared(layer, label))),
        Misconception("the norms' parameters are in no group", "A parameter that no group holds never trains, and nothing complains.",
                      "How many parameters does the model have, and how many do your groups?",
                      _groups(wanted=lambda layer, label: not isinstance(layer, _NORMS))),
        Misconception("the biases are in no group", "“No decay” is not “no training”.",
                      "How many parameters does the model have, and how many do your groups?", _groups(wanted=lambda layer, label: label != "bias")),
        Misconception("copies of the parameters", "`clone`, `detach` and `.data` give the same numbers as another tensor, to which no gradient comes; an "
                      "optimiser of copies leaves the model as it is.", "Does each group hold the model's own parameter, or another tensor?", _copies),
        Misconception("the head is in two groups", "Once in the loop, and once by itself; torch refuses such groups.",
                      "Which groups hold the last layer's weight?", _groups(twice=True)),
    ),
)

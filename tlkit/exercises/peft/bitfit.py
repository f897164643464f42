"""Exercise 09.bitfit: the parameters that learn in BitFit."""

from typing import Any

import numpy as np
from torch import nn

from tlkit.exercises.recipe import layer, model
from tlkit.exercises.record import Case, Exercise, Misconception


def _bitfit_cases(rng: np.random.Generator) -> list[Case]:
    def call(*layers, **settings):
        return (model(*layers, seed=int(rng.integers(1000)), **settings),)

    def alone(*kind, **settings):
        return (layer(*kind, name="model", seed=int(rng.integers(1000)), **settings),)

    wide = int(rng.integers(5, 8))
    linear, none, norms = "linear layers", "layers without a bias", "norms have a shift"
    return [
        Case(linear, "a layer by itself, frozen", (alone("linear", 3, 2),)),
        Case(linear, "three in a row, all frozen", (call(("linear", 3, wide), ("tanh",), ("linear", wide, 4), ("relu",), ("linear", 4, 2),
                                                           frozen=tuple(f"{number}.{name}" for number in (0, 2, 4) for name in ("weight", "bias"))),)),
        Case(linear, "two in a block, and one", (call(("called", "body", "block", ("linear", 3, 4), ("linear", 4, 2)), ("linear", 2, 2)),)),
        Case(linear, "one of two used twice", (call(("linear", 3, 3), ("again", "0"), ("linear", 3, 2)),)),
        Case(linear, "one of numbers that are all 0", (alone("linear", 4, 3, scale=0.0),)),
        Case(none, "a layer without a bias between two", (call(("linear", 3, 4), ("linear", 4, wide, False), ("linear", wide, 2)),)),
        Case(none, "an embedding that is called bias", (call(("called", "bias", "embedding", wide, 3), ("linear", 3, 2)),)),
        Case(none, "a layer of one's own with vectors called otherwise", (call(("linear", 3, 2), ("own", 2, "beta", "debias", "preBias"), training=False),)),
        Case(none, "a layer whose bias is a buffer", (call(("linear", 3, 2), ("fixed", 2, "bias")),)),
        Case(norms, "BatchNorm, in evaluation mode", (call(("linear", 3, 4), ("called", "bn", "batchnorm", 4), ("linear", 4, 2), training=False),)),
        Case(norms, "LayerNorm and BatchNorm", (call(("called", "body", "block", ("linear", 3, wide), ("called", "norm", "layernorm", wide)), ("batchnorm", wide),
                                                     ("linear", wide, 2, False)),)),
        Case(norms, "a layer of one's own", (call(("linear", 3, 2, False), ("own", 2, "beta", "bias"), training=False),)),
    ]


def _bitfit_view(values: list, calls: tuple) -> Any:
    """The names, in whatever order; and what became of the model."""
    (seen,) = values
    named = seen["what is returned"]
    if isinstance(named, list | tuple) and all(isinstance(name, str) for name in named):
        named = sorted(named)
    return {"the names": named, "the model's parameters": seen["model: parameters afterwards"], "what trains in the model": seen["model: what trains"],
            "the model's modes": seen["model: modes afterwards"]}


def _is_bias(name):
    return name.rpartition(".")[2] == "bias"


def _named(wanted):
    """Names by a rule: wanted(name, layer, parameter)."""

    def bias_names(net):
        layers = dict(net.named_modules())
        return [name for name, parameter in net.named_parameters() if wanted(name, layers[name.rpartition(".")[0]], parameter)]

    return bias_names


def _freezes(net):
    for name, parameter in net.named_parameters():
        parameter.requires_grad_(_is_bias(name))
    return [name for name, parameter in net.named_parameters() if parameter.requires_grad]


_NORMS = (nn.BatchNorm1d, nn.LayerNorm)

BITFIT = Exercise(
    id="09.bitfit",
    title="the biases",
    name="bias_names",
    kind="loop",
    parameters=("model",),
    points=2,
    minutes=4,
    difficulty="easy",
    reference="tlkit.peft.bitfit:biases",
    cases=_bitfit_cases,
    view=_bitfit_view,
    looks_at=("parameters", "requires_grad", "training"),
    hint="`named_parameters()` gives names such as `2.bias`, `body.0.bias` or `bias`. What stands behind the last dot?",
    equivalent_mutants={},
    misconceptions=(
        Misconception("all vectors", "Biases are vectors, but so are the scales of norms.", "Which parameter of a norm is a vector and no bias?",
                      _named(lambda name, layer, parameter: parameter.ndim == 1)),
        Misconception("the biases of linear layers alone", "A norm's shift is a bias too, in the paper as well.", "Which layers have something that is added?",
                      _named(lambda name, layer, parameter: _is_bias(name) and isinstance(layer, nn.Linear))),
        Misconception("the norms alone", "That is another method (tuning the norms).", "Which layers have something that is added?",
                      _named(lambda name, layer, parameter: isinstance(layer, _NORMS))),
        Misconception("the weights", "The condition is the wrong way round.", "What does BitFit leave as it is?",
                      _named(lambda name, layer, parameter: not _is_bias(name))),
        Misconception("everything", "That is full fine-tuning.", "What does BitFit leave as it is?", _named(lambda name, layer, parameter: True)),
        Misconception("all but matrices of linear layers", "Embeddings and scales are left over.", "Which parameters are added to something?",
                      _named(lambda name, layer, parameter: not (isinstance(layer, nn.Linear) and parameter.ndim == 2))),
        Misconception("only what trains", "A body comes frozen, and BitFit is what decides which of its parameters learn.",
                      "What does the exercise say of parameters that are frozen?",
                      _named(lambda name, layer, parameter: _is_bias(name) and parameter.requires_grad)),
        Misconception("a dot is demanded in front of `bias`", "In a network it is there. A layer by itself has the name `bias` and no more.",
                      "Which names does `nn.Linear(3, 2).named_parameters()` give?", _named(lambda name, layer, parameter: name.endswith(".bias"))),
        Misconception("parts of parts are not looked into", "Networks hold blocks that hold layers, to any depth.", "How many dots may a name have?",
                      _named(lambda name, layer, parameter: name.count(".") <= 1 and _is_bias(name))),
        Misconception("a name that ends in the letters of bias", "`debias` ends so too. The last part is all that stands behind the last dot.", "What stands behind the last dot?",
                      _named(lambda name, layer, parameter: name.endswith("bias"))),
        Misconception("bias anywhere in the name", "A part of the network can be called so, and what is in it is then no bias.", "What stands behind the last dot?",
                      _named(lambda name, layer, parameter: "bias" in name)),
        Misconception("buffers too", "`state_dict()` holds buffers beside parameters, and a buffer does not learn.", "What does `named_parameters()` give, and what not?",
                      lambda net: [name for name in net.state_dict() if _is_bias(name)]),
        Misconception("all that is called otherwise than weight", "Layers of one's own may have parameters of any name.", "What stands behind the last dot?",
                      _named(lambda name, layer, parameter: name.rpartition(".")[2] != "weight")),
        Misconception("the first bias alone", "A `return` inside of the loop ends it.", "How many biases does the second case have?",
                      lambda net: [name for name, _ in net.named_parameters() if _is_bias(name)][:1]),
        Misconception("the last layer's bias alone", "The head learns anyway; BitFit is about the body.", "Which layers have something that is added?",
                      lambda net: [name for name, _ in net.named_parameters() if _is_bias(name)][-1:]),
        Misconception("layers in place of parameters", "`named_modules` gives the layers, and a bias is a part of one.", "What does `named_parameters()` give?",
                      lambda net: [name for name, layer in net.named_modules() if getattr(layer, "bias", None) is not None]),
        Misconception("the last part of the name alone", "“bias” does not say which.", "How would you find the parameter by that name?",
                      lambda net: [name.rpartition(".")[2] for name, _ in net.named_parameters() if _is_bias(name)]),
        Misconception("the numbers in place of the names", "The parameters themselves are what an optimiser wants; the exercise asks for their names.",
                      "What does the exercise ask to return?", lambda net: [parameter for name, parameter in net.named_parameters() if _is_bias(name)]),
        Misconception("the whole name is compared", "The full name is `2.bias`: the layer's number stands in front.", "What stands behind the last dot?",
                      _named(lambda name, layer, parameter: name == "bias")),
        Misconception("the model is changed", "To select is one thing, to freeze another; the exercise asks for names, and that nothing changes.",
                      "What does the model look like afterwards?",
                      _freezes),
        Misconception("how many there are", "A count, where names are asked for.", "What does the exercise ask to return?",
                      lambda net: sum(_is_bias(name) for name, _ in net.named_parameters())),
    ),
)

"""Exercise 03.linear (optional): back through a linear layer."""

import numpy as np
import torch

from tlkit.exercises.gradients.softmax import _AUTOGRAD
from tlkit.exercises.record import Case, Exercise, Misconception


def _linear_cases(rng: np.random.Generator) -> list[Case]:
    def call(batch, inputs, outputs):
        return tuple(torch.tensor(np.round(rng.normal(size=shape), 2)) for shape in ((batch, inputs), (outputs, inputs), (batch, outputs)))

    n = int(rng.integers(4, 7))
    return [
        Case("one example", "three features, two outputs", (call(1, 3, 2),)),
        Case("one example", "more outputs than features", (call(1, 2, 4),)),
        Case("several examples", "two examples", (call(2, 3, 4),)),
        Case("several examples", "more examples than features", (call(n + 2, 3, 2),)),
        Case("sizes that are equal", "as many examples as features", (call(n, n, 2),)),
        Case("sizes that are equal", "as many outputs as features", (call(2, 3, 3),)),
    ]


def _right(inputs, weight, upstream):
    return upstream @ weight, upstream.T @ inputs, upstream.sum(0)


def _linear_mean(inputs, weight, upstream):
    x, w, b = _right(inputs, weight, upstream)
    return x, w / len(inputs), b / len(inputs)


def _linear_bias_mean(inputs, weight, upstream):
    x, w, b = _right(inputs, weight, upstream)
    return x, w, upstream.mean(0)


def _linear_bias_rows(inputs, weight, upstream):
    x, w, b = _right(inputs, weight, upstream)
    return x, w, upstream


def _linear_bias_wrong_axis(inputs, weight, upstream):
    x, w, b = _right(inputs, weight, upstream)
    return x, w, upstream.sum(1)


def _linear_transposed(inputs, weight, upstream):
    x, w, b = _right(inputs, weight, upstream)
    return x, inputs.T @ upstream, b


def _linear_no_upstream(inputs, weight, upstream):
    return _right(inputs, weight, torch.ones_like(upstream))


def _linear_bias_ones(inputs, weight, upstream):
    x, w, b = _right(inputs, weight, upstream)
    return x, w, torch.full_like(b, float(len(inputs)))


def _linear_weight_first(inputs, weight, upstream):
    x, w, b = _right(inputs, weight, upstream)
    return w, x, b


def _linear_inputs_only_weight(inputs, weight, upstream):
    x, w, b = _right(inputs, weight, upstream)
    return weight.sum(0).expand(inputs.shape), w, b


def _linear_flipped(inputs, weight, upstream):
    return tuple(-gradient for gradient in _right(inputs, weight, upstream))


LINEAR = Exercise(
    id="03.linear",
    title="back through a linear layer",
    name="linear_gradients",
    parameters=("inputs", "weight", "upstream"),
    points=3,
    minutes=12,
    difficulty="medium",
    reference="tlkit.gradients.linear:linear_gradients",
    cases=_linear_cases,
    shortcuts=(*_AUTOGRAD, "tlkit.gradients.linear:lora_gradients"),
    equivalent_mutants={
        "dropped: _matrix_product(inputs, weight, upstream)": "the exercise asks for no refusal of bad input",
    } | dict.fromkeys((
        f"g, x = (upstream.reshape(-1, upstream.shape[{g}]), inputs.reshape(-1, inputs.shape[{x}]))"
        for g, x in (("1", "-1"), ("-1", "1"), ("--1", "-1"), ("-1", "--1"))
    ), "the last axis is axis 1"),
    hint="Write the index form first: which indices are summed on the way back, and which shape is due?",
    misconceptions=(
        Misconception("the batch is averaged", "The mean belongs to the loss; its 1/B is in `upstream` already.",
                      "Where does a mean come in, in Y = X W^T + b?", _linear_mean),
        Misconception("the bias's gradient is averaged", "The bias is one for all examples, but each of them pulls at it in full.",
                      "How many rows of Y does the bias stand in?", _linear_bias_mean),
        Misconception("the bias has a gradient for each example", "The same bias was added to every row.",
                      "Which shape does the bias have?", _linear_bias_rows),
        Misconception("the bias is summed over the outputs", "Axis 1 and axis 0 are easily mixed up.", "Which axis counts the examples?",
                      _linear_bias_wrong_axis),
        Misconception("the weight's gradient is transposed", "X^T G is a product that fits, with the two axes the other way round.",
                      "Which shape does the weight have: (O, I) or (I, O)?", _linear_transposed),
        Misconception("what comes from above is left out", "With a plain sum on top it is all ones.", "Where should `upstream` go?",
                      _linear_no_upstream),
        Misconception("the bias counts the examples", "The derivative of y by b is 1, but it is still multiplied by what comes from above.",
                      "Where should `upstream` go?", _linear_bias_ones),
        Misconception("weight first, inputs second", "Most texts begin with the weight.", "In which order does the exercise ask for them?",
                      _linear_weight_first),
        Misconception("the weights alone reach the inputs", "dy/dx is the weight, but it is still multiplied by what comes from above.",
                      "Where should `upstream` go?", _linear_inputs_only_weight),
        Misconception("all signs flipped", "An optimiser subtracts the gradient; the gradient itself does not know.",
                      "Does y rise with b, or fall?", _linear_flipped),
    ),
)

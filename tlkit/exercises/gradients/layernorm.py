"""Exercise 03.layernorm (optional): back through LayerNorm."""

import numpy as np
import torch

from tlkit.exercises.gradients.softmax import _AUTOGRAD
from tlkit.exercises.record import Case, Exercise, Misconception

EPS = 1e-5


def _layernorm_cases(rng: np.random.Generator) -> list[Case]:
    def call(batch, features):
        x = torch.tensor(np.round(rng.normal(size=(batch, features)) * 2 + 1, 2))
        return x, torch.tensor(np.round(rng.uniform(0.5, 2, features), 2)), torch.tensor(np.round(rng.normal(size=(batch, features)), 2))

    n = int(rng.integers(4, 7))
    tiny = call(2, 4)
    return [
        Case("one example", "three features", (call(1, 3),)),
        Case("one example", "more features", (call(1, n + 2),)),
        Case("several examples", "as many examples as features", (call(n, n),)),
        Case("several examples", "more features than examples", (call(3, n),)),
        Case("features that hardly differ", "so little that eps counts", ((tiny[0] * 1e-3, *tiny[1:]),)),
    ]


def _parts(inputs, unbiased=False, eps=EPS):
    r = (inputs.var(-1, unbiased=unbiased, keepdim=True) + eps).sqrt()
    return (inputs - inputs.mean(-1, keepdim=True)) / r, r


def _with(into, inputs, upstream, n=None):
    n = _parts(inputs)[0] if n is None else n
    return into, (upstream * n).sum(0), upstream.sum(0)


def _into(h, n, r):
    return (h - h.mean(-1, keepdim=True) - n * (h * n).mean(-1, keepdim=True)) / r


def _layernorm_constant(inputs, scale, upstream):
    n, r = _parts(inputs)
    return _with(upstream * scale / r, inputs, upstream)


def _layernorm_mean_only(inputs, scale, upstream):
    n, r = _parts(inputs)
    h = upstream * scale
    return _with((h - h.mean(-1, keepdim=True)) / r, inputs, upstream)


def _layernorm_variance_only(inputs, scale, upstream):
    n, r = _parts(inputs)
    h = upstream * scale
    return _with((h - n * (h * n).mean(-1, keepdim=True)) / r, inputs, upstream)


def _layernorm_no_scale(inputs, scale, upstream):
    n, r = _parts(inputs)
    return _with(_into(upstream, n, r), inputs, upstream)


def _layernorm_scale_after(inputs, scale, upstream):
    n, r = _parts(inputs)
    return _with(scale * _into(upstream, n, r), inputs, upstream)


def _layernorm_batch_axis(inputs, scale, upstream):
    r = (inputs.var(0, unbiased=False, keepdim=True) + EPS).sqrt()
    n, h = (inputs - inputs.mean(0, keepdim=True)) / r, upstream * scale
    return _with((h - h.mean(0, keepdim=True) - n * (h * n).mean(0, keepdim=True)) / r, inputs, upstream, n)


def _layernorm_unbiased(inputs, scale, upstream):
    n, r = _parts(inputs, unbiased=True)
    return _with(_into(upstream * scale, n, r), inputs, upstream, n)


def _layernorm_no_eps(inputs, scale, upstream):
    n, r = _parts(inputs, eps=0.0)
    return _with(_into(upstream * scale, n, r), inputs, upstream, n)


def _layernorm_scale_of_inputs(inputs, scale, upstream):
    n, r = _parts(inputs)
    return _into(upstream * scale, n, r), (upstream * inputs).sum(0), upstream.sum(0)


def _layernorm_mean_of_batch(inputs, scale, upstream):
    n, r = _parts(inputs)
    return _into(upstream * scale, n, r), (upstream * n).mean(0), upstream.mean(0)


def _layernorm_rows_kept(inputs, scale, upstream):
    n, r = _parts(inputs)
    return _into(upstream * scale, n, r), upstream * n, upstream


def _layernorm_over_variance(inputs, scale, upstream):
    n, r = _parts(inputs)
    return _with(_into(upstream * scale, n, r) / r, inputs, upstream)


def _layernorm_eps_outside(inputs, scale, upstream):
    r = inputs.var(-1, unbiased=False, keepdim=True).sqrt() + EPS
    n = (inputs - inputs.mean(-1, keepdim=True)) / r
    return _with(_into(upstream * scale, n, r), inputs, upstream, n)


def _layernorm_smaller_eps(inputs, scale, upstream):
    n, r = _parts(inputs, eps=1e-6)
    return _with(_into(upstream * scale, n, r), inputs, upstream, n)


def _layernorm_scale_twice(inputs, scale, upstream):
    n, r = _parts(inputs)
    return _into(upstream * scale, n, r), (upstream * scale * n).sum(0), upstream.sum(0)


def _layernorm_shift_first(inputs, scale, upstream):
    n, r = _parts(inputs)
    into, into_scale, into_shift = _with(_into(upstream * scale, n, r), inputs, upstream)
    return into, into_shift, into_scale


def _layernorm_whole_table(inputs, scale, upstream):
    n, r = _parts(inputs)
    h = upstream * scale
    return _with((h - h.mean() - n * (h * n).mean()) / r, inputs, upstream)


def _layernorm_sums(inputs, scale, upstream):
    n, r = _parts(inputs)
    h = upstream * scale
    return _with((h - h.sum(-1, keepdim=True) - n * (h * n).sum(-1, keepdim=True)) / r, inputs, upstream)


LAYERNORM = Exercise(
    id="03.layernorm",
    title="back through LayerNorm",
    name="layernorm_gradients",
    parameters=("inputs", "scale", "upstream"),
    points=4,
    minutes=20,
    difficulty="hard",
    reference="tlkit.gradients.normalisation:layernorm_gradients",
    cases=_layernorm_cases,
    shortcuts=(*_AUTOGRAD, "tlkit.gradients.normalisation:batchnorm_gradients", "torch:native_layer_norm_backward"),
    equivalent_mutants=dict.fromkeys((
        "dropped: same_shape('inputs', inputs, 'upstream', upstream)", "dropped: has_shape('scale', scale, inputs.shape[-1:], '(D,)')",
        "dropped: not_empty('scale', scale)",
    ), "the exercise asks for no refusal of bad input") | dict.fromkeys((
        change.format(axis) for axis in ("1", "--1") for change in (
            "features = inputs.shape[{}]", "has_shape('scale', scale, inputs.shape[{}:], '(D,)')",
            "centred = inputs - inputs.mean(dim={}, keepdim=True)", "r = (centred.square().mean(dim={}, keepdim=True) + eps).sqrt()",
            "into_inputs = (h - h.mean(dim={}, keepdim=True) - n * (h * n).mean(dim=-1, keepdim=True)) / r",
            "into_inputs = (h - h.mean(dim=-1, keepdim=True) - n * (h * n).mean(dim={}, keepdim=True)) / r",
        )
    ), "the last axis is axis 1"),
    hint="Normalise once more, multiply `upstream` by the scale, and take away what would move mean and variance.",
    misconceptions=(
        Misconception("mean and variance taken as constants", "In BatchNorm's evaluation they are; here they move with every feature.",
                      "What happens to the mean when one feature rises?", _layernorm_constant),
        Misconception("the variance taken as a constant", "The mean's path is the easy one.", "Does the spread change when one feature rises?",
                      _layernorm_mean_only),
        Misconception("the mean taken as a constant", "The variance's path is the interesting one.", "Add the same number to all features: what should change?",
                      _layernorm_variance_only),
        Misconception("the scale is left out", "At the start of training it is 1.", "What does `upstream` pass first on its way back?", _layernorm_no_scale),
        Misconception("the scale comes last", "It looks as if it were a factor of everything, but it acts before the means are taken.",
                      "On the way back, what comes first: scale or normalisation?", _layernorm_scale_after),
        Misconception("normalised over the batch", "That is BatchNorm.", "Which numbers does LayerNorm take its mean of?", _layernorm_batch_axis),
        Misconception("the variance is divided by D - 1", "`torch.var` does so unless it is told.", "Look up `unbiased` or `correction`.", _layernorm_unbiased),
        Misconception("eps is left out", "It hardly shows, until features hardly differ.", "Where does eps stand in the forward formula?", _layernorm_no_eps),
        Misconception("eps is 1e-6", "Many layers are set so; here it is another one.", "Which eps does the exercise give?", _layernorm_smaller_eps),
        Misconception("eps is added outside of the root", "It keeps the divisor from being zero there as well, but it is another divisor.",
                      "Does eps stand below the root in the forward formula?", _layernorm_eps_outside),
        Misconception("shift and scale have changed places", "Both have the same shape, so nothing complains.",
                      "In which order does the exercise ask for them?", _layernorm_shift_first),
        Misconception("means of the whole table", "`.mean()` without an axis takes all examples together.",
                      "Does one example know of another?", _layernorm_whole_table),
        Misconception("sums where means are due", "The 1/D of mean and variance come back in the derivative.",
                      "How much does one of D features move the mean?", _layernorm_sums),
        Misconception("the inputs, not what was normalised, in the scale's gradient", "In a linear layer the inputs would be right.",
                      "What is the scale multiplied with?", _layernorm_scale_of_inputs),
        Misconception("the scale stands in its own gradient", "`upstream` times the scale is what reaches the normalised numbers; the scale itself is met before.",
                      "What is the derivative of scale times n by the scale?", _layernorm_scale_twice),
        Misconception("the batch is averaged", "The mean belongs to the loss; its 1/B is in `upstream` already.",
                      "How many examples use the same scale?", _layernorm_mean_of_batch),
        Misconception("scale and shift have gradients for each example", "One scale serves all examples.", "Which shape does the scale have?",
                      _layernorm_rows_kept),
        Misconception("divided by the variance, not by its root", "The two are a square root apart.", "In which unit is the result?", _layernorm_over_variance),
    ),
)

"""Exercise 03.attention (optional): back through scaled dot-product attention."""

import numpy as np
import torch

from tlkit.exercises.gradients.softmax import _AUTOGRAD
from tlkit.exercises.record import Case, Exercise, Misconception


def _attention_cases(rng: np.random.Generator) -> list[Case]:
    def call(t, s, d, e):
        return tuple(torch.tensor(np.round(rng.normal(size=shape), 2)) for shape in ((t, d), (s, d), (s, e), (t, e)))

    n = int(rng.integers(4, 6))
    return [
        Case("one query", "two places", (call(1, 2, 3, 2),)),
        Case("one query", "more places", (call(1, n, 2, 3),)),
        Case("several queries", "other numbers of places and features", (call(3, n, 2, 4),)),
        Case("several queries", "as many queries as places", (call(4, 4, 3, 2),)),
        Case("large scores", "scores of hundreds", (tuple(a * k for a, k in zip(call(3, 4, 2, 3), (40.0, 40.0, 1.0, 1.0))),)),
    ]


def _pieces(queries, keys, values, upstream, scale=None, axis=-1):
    scale = queries.shape[-1] ** -0.5 if scale is None else scale
    weights = torch.softmax(queries @ keys.T * scale, axis)
    into_weights = upstream @ values.T
    into_scores = weights * (into_weights - (into_weights * weights).sum(axis, keepdim=True))
    return weights, into_weights, into_scores, scale


def _from_scores(into_scores, scale, weights, queries, keys, upstream):
    return into_scores @ keys * scale, into_scores.T @ queries * scale, weights.T @ upstream


def _attention_no_softmax(queries, keys, values, upstream):
    weights, into_weights, _, scale = _pieces(queries, keys, values, upstream)
    return _from_scores(into_weights, scale, weights, queries, keys, upstream)


def _attention_diagonal(queries, keys, values, upstream):
    weights, into_weights, _, scale = _pieces(queries, keys, values, upstream)
    return _from_scores(into_weights * weights * (1 - weights), scale, weights, queries, keys, upstream)


def _attention_weights_alone(queries, keys, values, upstream):
    weights, into_weights, _, scale = _pieces(queries, keys, values, upstream)
    return _from_scores(into_weights * weights, scale, weights, queries, keys, upstream)


def _attention_scale_forgotten_back(queries, keys, values, upstream):
    weights, _, into_scores, _ = _pieces(queries, keys, values, upstream)
    return _from_scores(into_scores, 1.0, weights, queries, keys, upstream)


def _attention_unscaled(queries, keys, values, upstream):
    weights, _, into_scores, scale = _pieces(queries, keys, values, upstream, 1.0)
    return _from_scores(into_scores, scale, weights, queries, keys, upstream)


def _attention_scaled_by_d(queries, keys, values, upstream):
    weights, _, into_scores, scale = _pieces(queries, keys, values, upstream, 1 / queries.shape[-1])
    return _from_scores(into_scores, scale, weights, queries, keys, upstream)


def _attention_root_of_e(queries, keys, values, upstream):
    weights, _, into_scores, scale = _pieces(queries, keys, values, upstream, values.shape[-1] ** -0.5)
    return _from_scores(into_scores, scale, weights, queries, keys, upstream)


def _attention_scale_twice_back(queries, keys, values, upstream):
    weights, _, into_scores, scale = _pieces(queries, keys, values, upstream)
    return _from_scores(into_scores, scale**2, weights, queries, keys, upstream)


def _attention_scale_of_keys_forgotten(queries, keys, values, upstream):
    weights, _, into_scores, scale = _pieces(queries, keys, values, upstream)
    return into_scores @ keys * scale, into_scores.T @ queries, weights.T @ upstream


def _attention_other_axis(queries, keys, values, upstream):
    weights, _, into_scores, scale = _pieces(queries, keys, values, upstream, axis=0)
    return _from_scores(into_scores, scale, weights, queries, keys, upstream)


def _attention_sum_over_queries(queries, keys, values, upstream):
    weights, into_weights, _, scale = _pieces(queries, keys, values, upstream)
    into_scores = weights * (into_weights - (into_weights * weights).sum(0, keepdim=True))
    return _from_scores(into_scores, scale, weights, queries, keys, upstream)


def _attention_swapped(queries, keys, values, upstream):
    weights, _, into_scores, scale = _pieces(queries, keys, values, upstream)
    q, k, v = _from_scores(into_scores, scale, weights, queries, keys, upstream)
    return v, k, q


def _attention_values_as_output(queries, keys, values, upstream):
    weights, _, into_scores, scale = _pieces(queries, keys, values, upstream)
    q, k, _ = _from_scores(into_scores, scale, weights, queries, keys, upstream)
    return q, k, weights.T @ weights @ values


def _attention_unstable(queries, keys, values, upstream):
    scale = queries.shape[-1] ** -0.5
    weights = torch.exp(queries @ keys.T * scale)
    weights = weights / weights.sum(-1, keepdim=True)
    into_weights = upstream @ values.T
    into_scores = weights * (into_weights - (into_weights * weights).sum(-1, keepdim=True))
    return _from_scores(into_scores, scale, weights, queries, keys, upstream)


def _attention_plain_mean(queries, keys, values, upstream):
    weights, into_weights, _, scale = _pieces(queries, keys, values, upstream)
    into_scores = weights * (into_weights - into_weights.mean(-1, keepdim=True))
    return _from_scores(into_scores, scale, weights, queries, keys, upstream)


def _attention_forward_only(queries, keys, values, upstream):
    weights, _, _, scale = _pieces(queries, keys, values, upstream)
    return _from_scores(weights, scale, weights, queries, keys, upstream)


ATTENTION = Exercise(
    id="03.attention",
    title="back through attention",
    name="attention_gradients",
    parameters=("queries", "keys", "values", "upstream"),
    points=4,
    minutes=20,
    difficulty="hard",
    reference="tlkit.gradients.attention:attention_gradients",
    cases=_attention_cases,
    shortcuts=_AUTOGRAD,
    equivalent_mutants={
        "dropped: _fit(queries, keys, values, upstream)": "the exercise asks for no refusal of bad input",
    } | dict.fromkeys((
        "dropped: if mask is not None:\n    scores = scores.masked_fill(_forbidden(mask), float('-inf'))",
        "dropped: scores = scores.masked_fill(_forbidden(mask), float('-inf'))",
        "scores = scores.masked_fill(float('-inf'), _forbidden(mask))", "scores = scores.masked_fill(_forbidden(mask))",
    ), "the exercise asks for no mask") | dict.fromkeys((
        change.format(axis) for axis in ("1", "--1") for change in (
            "root = queries.shape[{}] ** 0.5", "weights = torch.softmax(scores, dim={})",
            "into_scores = weights * (into_weights - (into_weights * weights).sum(dim={}, keepdim=True)) / root",
        )
    ), "the last axis is axis 1"),
    hint="Two linear layers with a softmax between them: go back through one after the other.",
    misconceptions=(
        Misconception("the softmax is passed over", "What reaches the weights is not yet what reaches the scores.",
                      "What stands between scores and weights?", _attention_no_softmax),
        Misconception("only the diagonal of the softmax's derivative", "A (1 - A) is right for a sigmoid; in a softmax raising one score lowers all others.",
                      "How do the other weights of the row change?", _attention_diagonal),
        Misconception("the row's weighted sum is not taken away", "Weight times what reaches it is half of the way.",
                      "What if the same number is added to everything that reaches a row of weights?", _attention_weights_alone),
        Misconception("the plain mean of the row in place of the weighted one", "Something has to be taken away, but each place counts by its weight.",
                      "Multiply out sum_k P_k A_k ([k = s] - A_s): which sum is left?", _attention_plain_mean),
        Misconception("the weights in place of their gradient", "They have the right shape, and nothing complains.",
                      "What reaches the scores from above?", _attention_forward_only),
        Misconception("1/sqrt(D) is forgotten on the way back", "It stands in the scores, so it stands in their derivative.",
                      "What is the derivative of Q K^T / sqrt(D) by Q?", _attention_scale_forgotten_back),
        Misconception("1/sqrt(D) is forgotten in the keys' gradient", "Queries and keys stand in the same product, and both meet the root on the way back.",
                      "What is the derivative of Q K^T / sqrt(D) by K?", _attention_scale_of_keys_forgotten),
        Misconception("1/sqrt(D) comes twice on the way back", "It was multiplied into what reaches the scores already.",
                      "How often does the root stand in Q K^T / sqrt(D)?", _attention_scale_twice_back),
        Misconception("the root of the values' width", "Queries and keys have D features, values have E; the scores are products of D numbers.",
                      "Which width does sqrt(D) come from: that of the queries or of the values?", _attention_root_of_e),
        Misconception("1/sqrt(D) is forgotten altogether", "Plain dot products are attention too, but not this one.",
                      "What makes it “scaled”?", _attention_unscaled),
        Misconception("divided by D, not by its root", "The two are a square root apart.", "Why is it divided at all: how large is a dot product of D numbers?",
                      _attention_scaled_by_d),
        Misconception("softmax over the queries", "Each query should share out one unit among the places.", "What adds up to 1: a row or a column of A?",
                      _attention_other_axis),
        Misconception("the sum of the softmax's derivative runs over the queries", "Rows of A know nothing of each other.",
                      "Over which axis does the softmax add up?", _attention_sum_over_queries),
        Misconception("the order of the results is turned round", "The way back meets the values first.", "In which order does the exercise ask for them?",
                      _attention_swapped),
        Misconception("the output in place of what comes from above", "A^T is right; what it is multiplied with is the gradient, not the output.",
                      "Where should `upstream` go?", _attention_values_as_output),
        Misconception("the exponential overflows", "exp(1000) is infinite, and infinite by infinite is nan.",
                      "What happens to softmax when the same number is taken from all scores of a row?", _attention_unstable),
    ),
)

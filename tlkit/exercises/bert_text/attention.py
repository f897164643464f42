"""Exercise 07.attention (optional): attention that leaves padding out."""

import numpy as np
import torch

from tlkit.exercises.record import Case, Exercise, Misconception


def _cases(rng: np.random.Generator) -> list[Case]:
    def call(lengths, size, left=False):
        places = max(lengths) + 1
        queries, keys = (torch.tensor(rng.normal(0, 1.3, (len(lengths), places, size)).round(2)) for _ in range(2))
        at = torch.arange(places)
        return queries, keys, torch.stack([at >= places - length if left else at < length for length in lengths])

    whole = call([3, 3], 5)
    holes = torch.tensor([[True, False, True, True], [False, True, False, True]])
    return [
        Case("padding gets nothing", "one text of two tokens", ((call([2], 2)),)),
        Case("padding gets nothing", "three texts of different lengths", ((call([4, 1, 2], 6)),)),
        Case("any mask", "padding on the left", ((call([2, 3], 3, left=True)),)),
        Case("any mask", "places in the middle do not count", (((*whole[:2], holes)),)),
        Case("any mask", "everything counts", (((*whole[:2], torch.ones(2, 4, dtype=torch.bool))),)),
        Case("scores below zero", "all scores are negative", (((whole[0].abs(), -whole[1].abs(), holes)),)),
    ]


def _scores(queries, keys):
    return queries @ keys.mT / queries.shape[-1] ** 0.5


def _filled(scores, mask, value=float("-inf"), dim=-1):
    return scores.masked_fill(~mask, value).softmax(dim=dim)


ATTENTION = Exercise(
    id="07.attention",
    title="attention that leaves padding out",
    name="attention_weights",
    parameters=("queries", "keys", "mask"),
    points=2,
    minutes=8,
    difficulty="medium",
    reference="tlkit.backbones.padding:attention_weights",
    cases=_cases,
    rtol=1e-5,
    atol=1e-7,
    shrinks=False,
    hint="What must a score be for its exponential to be 0?",
    misconceptions=(
        Misconception("no mask", "The weights add up to 1, and part of them is lost on padding.", "How much may padding get?",
                      lambda queries, keys, mask: _scores(queries, keys).softmax(dim=-1)),
        Misconception("masked behind the softmax", "Padding gets 0, but its share is missing: the rest no longer adds up to 1.",
                      "What does a row of weights add up to?", lambda queries, keys, mask: _scores(queries, keys).softmax(dim=-1) * mask[:, None]),
        Misconception("scores of padding are set to 0", "exp(0) is 1, so padding gets weight, and more than tokens with negative scores.",
                      "What must a score be for its exponential to be 0?", lambda queries, keys, mask: _filled(_scores(queries, keys), mask[:, None], 0.0)),
        Misconception("the mask is read the other way round", "Some layers of torch mark what is to be left out; here True is what counts.",
                      "What does True mark?", lambda queries, keys, mask: _filled(_scores(queries, keys), ~mask[:, None], -1e9)),
        Misconception("the places that look are masked", "Along the other axis: tokens still look at padding.", "Which of t and s may not be padding?",
                      lambda queries, keys, mask: _filled(_scores(queries, keys), mask[:, :, None], -1e9)),
        Misconception("both axes are masked", "What padding attends to matters to nobody, and the exercise leaves it as it is.", "Which of t and s may not be padding?",
                      lambda queries, keys, mask: _filled(_scores(queries, keys), mask[:, None] & mask[:, :, None], -1e9)),
        Misconception("the softmax goes over the places that look", "Then columns add up to 1, not rows.", "Over which of t and s is the formula's sum?",
                      lambda queries, keys, mask: _filled(_scores(queries, keys), mask[:, None], -1e9, dim=1)),
        Misconception("the softmax goes over the places that look, and leaves 0 to padding", "Then columns add up to 1, not rows.",
                      "Over which of t and s is the formula's sum?",
                      lambda queries, keys, mask: _filled(_scores(queries, keys), mask[:, None], dim=1).nan_to_num(0.0)),
        Misconception("padding looks at nothing", "What padding attends to matters to nobody, and the exercise leaves it as it is.",
                      "What does a row of weights add up to?",
                      lambda queries, keys, mask: _filled(_scores(queries, keys), mask[:, None]) * mask[:, :, None]),
        Misconception("not divided by the root of D", "With large D the softmax becomes a choice of one.", "What stands below the dot product?",
                      lambda queries, keys, mask: _filled(queries @ keys.mT, mask[:, None])),
        Misconception("divided by D", "The root is missing.", "What stands below the dot product?",
                      lambda queries, keys, mask: _filled(queries @ keys.mT / queries.shape[-1], mask[:, None])),
        Misconception("keys look at queries", "The product the other way round; its softmax is another.", "What is row t multiplied with?",
                      lambda queries, keys, mask: _filled(_scores(keys, queries), mask[:, None])),
    ),
)

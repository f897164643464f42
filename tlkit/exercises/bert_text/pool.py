"""Exercise 07.pool: one vector for a text, from those of its tokens."""

import numpy as np
import torch

from tlkit.exercises.record import Case, Exercise, Misconception


def _cases(rng: np.random.Generator) -> list[Case]:
    def call(lengths, size, places=None, left=False):
        places = places or max(lengths)
        hidden = torch.tensor(rng.normal(0.5, 1.0, (len(lengths), places, size)).round(3))
        at = torch.arange(places)
        mask = torch.stack([at >= places - length if left else at < length for length in lengths])
        return hidden, mask

    upstream = torch.tensor(rng.normal(0, 1, (2, 3)).round(2))
    learning, mask = call([2, 4], 3)
    learning.requires_grad_(True)
    small = torch.tensor([[[1.0, 2.0], [3.0, 6.0], [9.0, 9.0]]], dtype=torch.float64)
    holes = torch.tensor([[True, False, True, True, False], [False, True, True, False, True]])
    padded = "padding does not count"
    return [
        Case(padded, "two tokens and one place of padding", ((small, torch.tensor([[True, True, False]])),)),
        Case(padded, "three texts of different lengths", ((call([5, 2, 3], 4)),)),
        Case(padded, "more padding than text", ((call([1, 2], 3, places=7)),)),
        Case("any mask", "padding on the left", ((call([3, 5], 2, left=True)),)),
        Case("any mask", "places in the middle do not count", ((call([5, 5], 3)[0], holes),)),
        Case("any mask", "everything counts", ((call([4, 4], 3)),)),
        Case("single precision", "float32, as the body gives it", ((call([3, 1], 5)[0].float(), torch.tensor([[True, True, True], [True, False, False]])),)),
        Case("a text without tokens", "no place counts in the second", ((call([3, 1], 4)[0], torch.tensor([[True, True, True], [False, False, False]])),)),
        Case("gradients", "of the tokens, with padding", ((learning, mask),), upstream=upstream),
    ]


def _weighted(rule):
    def answer(hidden, mask):
        return rule(hidden, mask[..., None].to(hidden.dtype))

    return answer


def _first(hidden, mask):
    return hidden[:, 0]


def _mean_everywhere(hidden, mask):
    return hidden.mean(dim=1)


def _last(hidden, mask):
    last = (mask * torch.arange(1, mask.shape[1] + 1)).argmax(dim=1)
    return hidden[torch.arange(len(hidden)), last]


def _largest(hidden, mask):
    return hidden.masked_fill(~mask[..., None], float("-inf")).amax(dim=1)


def _whole_batch(hidden, mask):
    weights = mask[..., None].to(hidden.dtype)
    return (hidden * weights).sum(dim=1) / weights.sum().clamp(min=1)


def _detached(hidden, mask):
    weights = mask[..., None].to(hidden.dtype)
    return ((hidden * weights).sum(dim=1) / weights.sum(dim=1).clamp(min=1)).detach()


def _first_places(hidden, mask):
    return torch.stack([vectors[:count].mean(dim=0) if count else torch.zeros_like(vectors[0])
                        for vectors, count in zip(hidden, mask.sum(dim=1).tolist())])


def _without_ends(hidden, mask):
    inner = mask.clone()
    for row in inner:
        places = row.nonzero().flatten()
        if len(places) > 2:
            row[places[0]] = row[places[-1]] = False
    weights = inner[..., None].to(hidden.dtype)
    return (hidden * weights).sum(dim=1) / weights.sum(dim=1).clamp(min=1)


POOL = Exercise(
    id="07.pool",
    title="one vector for a text",
    name="mean_pool",
    parameters=("hidden", "mask"),
    points=3,
    minutes=8,
    difficulty="medium",
    reference="tlkit.backbones.padding:masked_mean",
    cases=_cases,
    rtol=1e-5,
    atol=1e-7,
    hint="Multiply by the mask with one more axis, add up over places, and divide by how many places count.",
    misconceptions=(
        Misconception("padding counts", "`hidden.mean(dim=1)` is so short. Then a text's vector depends on the longest text in its batch.",
                      "How many places of the first text are text?", _mean_everywhere),
        Misconception("divided by the padded length", "The sum leaves padding out, what divides it does not.", "How many vectors were added up?",
                      _weighted(lambda hidden, weights: (hidden * weights).sum(dim=1) / hidden.shape[1])),
        Misconception("the first token alone", "[CLS] is what BERT's own classifier reads; MiniLM was tuned with the mean.",
                      "Which tokens does the exercise ask the mean of?", _first),
        Misconception("the last token alone", "Right for models that see only what stands before.", "Which tokens does the exercise ask the mean of?", _last),
        Misconception("the largest of each feature", "Max pooling; the formula has a sum.", "What is divided by what?", _largest),
        Misconception("the sum of the tokens", "A long text has a long vector then.", "Divided by what?",
                      _weighted(lambda hidden, weights: (hidden * weights).sum(dim=1))),
        Misconception("the mean of the padding", "The mask is read as if True meant padding.", "What does True mark?",
                      _weighted(lambda hidden, weights: (hidden * (1 - weights)).sum(dim=1) / (1 - weights).sum(dim=1).clamp(min=1))),
        Misconception("divided by all tokens of the batch", "`mask.sum()` without an axis counts the tokens of all texts.",
                      "Over which axis should the mask be added up?", _whole_batch),
        Misconception("over the texts, not over the places", "Axis 0 is the batch.", "Which axis are the places?",
                      lambda hidden, mask: (hidden * mask[..., None].to(hidden.dtype)).sum(dim=0) / mask.sum(dim=0).clamp(min=1)[:, None].to(hidden.dtype)),
        Misconception("nan for a text without tokens", "0 / 0 is nan, and one nan makes the batch's loss nan.", "What is the smallest number to divide by?",
                      _weighted(lambda hidden, weights: (hidden * weights).sum(dim=1) / weights.sum(dim=1))),
        Misconception("one token too many in the divisor", "Adding 1 keeps clear of 0 / 0, and makes every vector too short.",
                      "What should the divisor be for a text of three tokens?",
                      _weighted(lambda hidden, weights: (hidden * weights).sum(dim=1) / (weights.sum(dim=1) + 1))),
        Misconception("the first places, as many as count", "Right while padding stands on the right; the mask says which places count, not only how many.",
                      "Which places does a mask of False, True, True name?", _first_places),
        Misconception("the first and the last token are left out", "[CLS] and [SEP] are no words, but they are True in the mask.", "What does the mask say of [CLS]?",
                      _without_ends),
        Misconception("no gradient passes", "For features that are kept it does not matter; fine-tuning needs it.", "What does `detach` cut?", _detached),
    ),
)

"""Exercise 09.prefix: attention that also sees learned keys and values."""

import numpy as np
import torch

from tlkit.exercises.record import Case, Exercise, Misconception


def _prefix_cases(rng: np.random.Generator) -> list[Case]:
    def call(batch, heads, places, size, count, lengths=None, scale=1.0):
        def drawn(*shape):
            return torch.tensor(np.round(scale * rng.normal(size=shape), 2))

        mask = None if lengths is None else (torch.arange(places) < torch.tensor(lengths)[:, None])[:, None, None, :].expand(batch, 1, places, places)
        return (*(drawn(batch, heads, places, size) for _ in range(3)), drawn(heads, count, size), drawn(heads, count, size), mask)

    more = int(rng.integers(4, 7))
    plain, masked = "without a mask", "with a mask"
    return [
        Case(plain, "one place, one prefix", (call(1, 1, 1, 2, 1),)),
        Case(plain, "two heads", (call(2, 2, 3, 4, 1),)),
        Case(plain, "more prefix than places", (call(2, 3, 2, 5, more),)),
        Case(masked, "padding at the end", (call(2, 1, 3, 2, 1, [3, 1]),)),
        Case(masked, "two heads, several prefixes", (call(3, 2, 4, 3, 2, [2, 4, 1]),)),
        Case("large scores", "numbers ten times as large", (call(2, 2, 3, 4, 2, [3, 2], 10.0),)),
    ]


def _prefixed(keys=lambda own, prefix: torch.cat([prefix.expand(len(own), *prefix.shape), own], dim=2),
              values=None, scale=lambda size: size**-0.5, seen=True, mask_used=True, softmax_over=-1):
    """Attention with a prefix, with one mistake."""

    def attend(query, key, value, prefix_keys, prefix_values, mask):
        key = keys(key, prefix_keys)
        value = (values or keys)(value, prefix_values)
        scores = scale(query.shape[-1]) * query @ key.transpose(2, 3)
        if mask is not None and mask_used:
            count = scores.shape[-1] - mask.shape[-1]
            front = mask.new_full((*mask.shape[:-1], count), seen)
            scores = scores.masked_fill(~torch.cat([front, mask], dim=-1), float("-inf"))
        return torch.nan_to_num(torch.softmax(scores, dim=softmax_over)) @ value

    return attend


def _alone(own, prefix):
    return own


def _behind(own, prefix):
    return torch.cat([own, prefix.expand(len(own), *prefix.shape)], dim=2)


def _mask_behind(query, key, value, prefix_keys, prefix_values, mask):
    if mask is not None:
        mask = torch.cat([mask, mask.new_ones(*mask.shape[:-1], prefix_keys.shape[1])], dim=-1)
    key = torch.cat([prefix_keys.expand(len(key), *prefix_keys.shape), key], dim=2)
    value = torch.cat([prefix_values.expand(len(value), *prefix_values.shape), value], dim=2)
    scores = query.shape[-1] ** -0.5 * query @ key.transpose(2, 3)
    return torch.softmax(scores if mask is None else scores.masked_fill(~mask, float("-inf")), dim=-1) @ value


def _two_softmaxes(query, key, value, prefix_keys, prefix_values, mask):
    own = _prefixed(keys=_alone)(query, key, value, prefix_keys, prefix_values, mask)
    front = torch.softmax(query.shape[-1] ** -0.5 * query @ prefix_keys.transpose(1, 2), dim=-1) @ prefix_values
    return own + front


def _added(query, key, value, prefix_keys, prefix_values, mask):
    return _prefixed(keys=_alone)(query, key + prefix_keys.mean(dim=1, keepdim=True), value + prefix_values.mean(dim=1, keepdim=True), prefix_keys, prefix_values, mask)


PREFIX = Exercise(
    id="09.prefix",
    title="attention with a prefix",
    name="attend",
    parameters=("query", "key", "value", "prefix_keys", "prefix_values", "mask"),
    points=2,
    minutes=10,
    difficulty="hard",
    reference="tlkit.peft.prefix:attention_with_prefix",
    cases=_prefix_cases,
    hint="Put the prefix in front of keys and values, and True in front of the mask. The rest is attention as always.",
    shrinks=False,
    equivalent_mutants={},
    misconceptions=(
        Misconception("the prefix is not there", "Keys and values are the sentence's own.", "How many places does each place see?", _prefixed(keys=_alone)),
        Misconception("the prefix is masked out", "False in front of the mask means “do not look”.", "Who may see the prefix?", _prefixed(seen=False)),
        Misconception("the mask grows at the end", "The prefix is in front, and its True is behind: each False hides another place than it should.",
                      "Which column of the mask belongs to the first prefix?", _mask_behind),
        Misconception("the mask is not used", "Padding is attended to.", "What does False in the mask mean?", _prefixed(mask_used=False)),
        Misconception("the scores are not divided by the root of D", "Large scores make the softmax a maximum.", "What is `scaling` where nothing is said?", _prefixed(scale=lambda size: 1.0)),
        Misconception("the scores are divided by D", "The root is missing.", "What stands under the fraction in the formula?", _prefixed(scale=lambda size: 1 / size)),
        Misconception("keys and values of the prefix do not belong together", "Keys in front, values behind: each key then looks up another value.",
                      "Which value belongs to the first key?", _prefixed(values=_behind)),
        Misconception("a softmax of each by itself", "One softmax over prefix and sentence together makes them compete.", "To what do all weights of a place add up?", _two_softmaxes),
        Misconception("the prefix is added to keys and values", "Prefixes are places of their own.", "How many places does each place see?", _added),
        Misconception("the softmax over the queries", "Each query distributes its attention over keys.", "To what do all weights of a place add up?", _prefixed(softmax_over=-2)),
    ),
)

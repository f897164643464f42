"""Exercise 09.prefix: attention that also sees learned keys and values."""

import numpy as np
import torch

from tlkit.exercises.peft.drawn import numbers
from tlkit.exercises.record import Case, Exercise, Misconception


def _prefix_cases(rng: np.random.Generator) -> list[Case]:
    def call(batch, heads, places, size, count, lengths=None, scale=1.0, causal=False, learns=False):
        def drawn(*shape):
            return torch.tensor(np.round(scale * rng.normal(size=shape), 2), requires_grad=learns)

        mask = None if lengths is None else (torch.arange(places) < torch.tensor(lengths)[:, None])[:, None, None, :].expand(batch, 1, places, places)
        if causal:
            mask = torch.ones(places, places, dtype=torch.bool).tril().expand(batch, 1, places, places)
        return (*(drawn(batch, heads, places, size) for _ in range(3)), drawn(heads, count, size), drawn(heads, count, size), mask)

    more = int(rng.integers(4, 7))
    plain, masked = "without a mask", "with a mask"
    return [
        Case(plain, "one place, one prefix", (call(1, 1, 1, 2, 1),)),
        Case(plain, "two heads", (call(2, 2, 3, 4, 1),)),
        Case(plain, "more prefix than places", (call(2, 3, 2, 5, more),)),
        Case(masked, "padding at the end", (call(2, 1, 3, 2, 1, [3, 1]),)),
        Case(masked, "two heads, several prefixes", (call(3, 2, 4, 3, 2, [2, 4, 1]),)),
        Case(masked, "an example without a word: the prefix alone is seen", (call(2, 2, 3, 2, 2, [3, 0]),)),
        Case(masked, "a place sees itself and what comes before it", (call(2, 2, 4, 3, 2, causal=True),)),
        Case(plain, "gradients", (call(1, 1, 2, 3, 1, learns=True),), upstream=numbers(rng, 1, 1, 2, 3)),
        Case(masked, "gradients", (call(2, 2, 3, 2, 2, [3, 1], learns=True),), upstream=numbers(rng, 2, 2, 3, 2)),
        Case("large scores", "numbers thirty times as large", (call(2, 2, 3, 4, 2, [3, 2], 30.0),)),
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
        return torch.softmax(scores, dim=softmax_over) @ value

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


def _mean_of_two(*arguments):
    return _two_softmaxes(*arguments) / 2


def _prefix_detached(query, key, value, prefix_keys, prefix_values, mask):
    return _prefixed()(query, key, value, prefix_keys.detach(), prefix_values.detach(), mask)


def _keys_detached(query, key, value, prefix_keys, prefix_values, mask):
    return _prefixed()(query, key, value, prefix_keys.detach(), prefix_values, mask)


def _added(query, key, value, prefix_keys, prefix_values, mask):
    return _prefixed(keys=_alone)(query, key + prefix_keys.mean(dim=1, keepdim=True), value + prefix_values.mean(dim=1, keepdim=True), prefix_keys, prefix_values, mask)


def _masked_how(how):
    def attend(query, key, value, prefix_keys, prefix_values, mask):
        key = torch.cat([prefix_keys.expand(len(key), *prefix_keys.shape), key], dim=2)
        value = torch.cat([prefix_values.expand(len(value), *prefix_values.shape), value], dim=2)
        scores = query.shape[-1] ** -0.5 * query @ key.transpose(2, 3)
        if mask is None:
            return torch.softmax(scores, dim=-1) @ value
        seen = torch.cat([mask.new_ones(*mask.shape[:-1], prefix_keys.shape[1]), mask], dim=-1)
        if how == "after":
            return torch.softmax(scores, dim=-1).masked_fill(~seen, 0.0) @ value
        if how == "zero":
            return torch.softmax(scores.masked_fill(~seen, 0.0), dim=-1) @ value
        if how == "added":
            return torch.softmax(scores + seen, dim=-1) @ value
        if how == "sentence inverted":
            seen = torch.cat([seen[..., :-mask.shape[-1]], ~mask], dim=-1)
        if how == "turned":
            seen = torch.cat([seen[..., :-mask.shape[-1]], mask.transpose(2, 3)], dim=-1)
        if how == "no word, no prefix":
            seen = torch.cat([mask.any(dim=-1, keepdim=True).expand(*mask.shape[:-1], prefix_keys.shape[1]), mask], dim=-1)
        if how == "no word, zeros":
            return torch.softmax(scores.masked_fill(~seen, float("-inf")), dim=-1) @ value * mask.any(dim=-1, keepdim=True)
        return torch.softmax(scores.masked_fill(seen if how == "inverted" else ~seen, float("-inf")), dim=-1) @ value

    return attend


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
    equivalent_mutants={
        **dict.fromkeys(("dropped: if is_causal:\n    places = query.shape[2]\n    mask = torch.ones(places, places, dtype=torch.bool, device=query.device).tril()[None, None]",
                         "dropped: places = query.shape[2]", "places = query.shape[3]", "places = query.shape[-2]",
                         "dropped: mask = torch.ones(places, places, dtype=torch.bool, device=query.device).tril()[None, None]",
                         "mask = torch.ones(places, places, device=query.device).tril()[None, None]",
                         "mask = torch.ones(places, places, dtype=torch.bool).tril()[None, None]",
                         "mask = torch.ones(places, dtype=torch.bool, device=query.device).tril()[None, None]"), "here a mask says what is seen"),
        "return torch.nn.functional.scaled_dot_product_attention(query, key, value, mask, dropout)": "the scale is the usual one",
        "return torch.nn.functional.scaled_dot_product_attention(query, key, value, mask, scale=scaling)": "nothing is dropped",
        "seen = mask.new_ones(())": "here the mask is bool",
        **dict.fromkeys(("key = torch.cat([prefix_keys.to(key.dtype).expand(batch, -1, -1, -1), key], dim=-2)",
                         "value = torch.cat([prefix_values.to(value.dtype).expand(batch, -1, -1, -1), value], dim=-2)"), "the last axis but one is axis 2"),
    },
    misconceptions=(
        Misconception("the prefix is not there", "Keys and values are the sentence's own.", "How many places does each place see?", _prefixed(keys=_alone)),
        Misconception("the prefix is masked out", "False in front of the mask means “do not look”.", "Who may see the prefix?", _prefixed(seen=False)),
        Misconception("the mask grows at the end", "The prefix is in front, and its True is behind: each False hides another place than it should.",
                      "Which column of the mask belongs to the first prefix?", _mask_behind),
        Misconception("the mask is not used", "Padding is attended to.", "What does False in the mask mean?", _prefixed(mask_used=False)),
        Misconception("masked scores are 0", "exp(0) is 1: a place with the score 0 is still attended to.", "Which score has the exponential 0?", _masked_how("zero")),
        Misconception("masked behind the softmax", "The weights that are left do not add up to 1.", "To what do all weights of a place add up?", _masked_how("after")),
        Misconception("the mask is the wrong way round", "True is seen; what is not seen gets the score minus infinity.",
                      "What does False in the mask mean?", _masked_how("inverted")),
        Misconception("the sentence's mask is the wrong way round", "The prefix is seen, as it should be. Of the sentence, what is to be seen is hidden, and the rest is seen.",
                      "What does False in the mask mean?", _masked_how("sentence inverted")),
        Misconception("the mask is turned round", "The axis before the last is the place that looks, the last one what it looks at.",
                      "Which axis of the scores belongs to the keys?",
                      _masked_how("turned")),
        Misconception("the mask is added as 0 and 1", "That raises the scores of what is seen by 1, and hides nothing.",
                      "What does a function expect of a mask of floats?", _masked_how("added")),
        Misconception("a place that sees no word does not see the prefix", "Every place sees the whole prefix; a softmax over nothing is nan.", "Who may see the prefix?",
                      _masked_how("no word, no prefix")),
        Misconception("a place that sees no word gives zeros", "Every place sees the whole prefix, and gives a mean of its values.", "Who may see the prefix?",
                      _masked_how("no word, zeros")),
        Misconception("no gradient reaches the prefix", "Keys and values of the prefix are what learns here.", "Which of the six arguments learn?", _prefix_detached),
        Misconception("no gradient reaches the prefix's keys", "They learn as the values do, through the softmax.", "Which of the six arguments learn?", _keys_detached),
        Misconception("the scores are not divided by the root of D", "Large scores make the softmax a maximum.",
                      "What is `scaling` where nothing is said?", _prefixed(scale=lambda size: 1.0)),
        Misconception("the scores are divided by D", "The root is missing.", "What stands under the fraction in the formula?", _prefixed(scale=lambda size: 1 / size)),
        Misconception("keys and values of the prefix do not belong together", "Keys in front, values behind: each key then looks up another value.",
                      "Which value belongs to the first key?", _prefixed(values=_behind)),
        Misconception("a softmax of each by itself", "One softmax over prefix and sentence together makes them compete.",
                      "To what do all weights of a place add up?", _two_softmaxes),
        Misconception("the mean of two softmaxes", "Prefix and sentence then count one half each, whatever the scores are. One softmax over both makes them compete.",
                      "Over how many places is the softmax taken?", _mean_of_two),
        Misconception("the prefix is added to keys and values", "Prefixes are places of their own.", "How many places does each place see?", _added),
        Misconception("the softmax over the queries", "Each query distributes its attention over keys.", "To what do all weights of a place add up?", _prefixed(softmax_over=-2)),
    ),
)

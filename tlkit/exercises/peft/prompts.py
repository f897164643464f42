"""Exercise 09.prompts: learned places in front of the input, and its mask."""

import numpy as np
import torch

from tlkit.exercises.record import Case, Exercise, Misconception


def _prompt_cases(rng: np.random.Generator) -> list[Case]:
    def call(batch, places, size, count, lengths=None, left=False, dtype=torch.bool, learned=False):
        hidden = torch.tensor(np.round(rng.normal(size=(batch, places, size)), 2), dtype=torch.float32)
        mask = torch.arange(places) < torch.tensor(lengths or [places] * batch)[:, None]
        prompts = torch.tensor(np.round(rng.normal(size=(count, size)), 2), dtype=torch.float32)
        return hidden.requires_grad_(learned), (mask.flip(1) if left else mask).to(dtype), prompts.requires_grad_(learned)

    more = int(rng.integers(4, 7))
    whole, padded, ones = "sentences without padding", "sentences with padding", "a mask of zeros and ones"
    return [
        Case(whole, "one sentence, one prompt", (call(1, 2, 3, 1),)),
        Case(whole, "two sentences, three prompts", (call(2, 4, 2, 3),)),
        Case(whole, "more prompts than places", (call(3, 2, 4, more),)),
        Case(padded, "padding at the end", (call(2, 3, 2, 1, [3, 2]),)),
        Case(padded, "several prompts", (call(3, 5, 2, 2, [2, 5, 3]),)),
        Case(padded, "a sentence without a word", (call(3, 4, 2, 2, [3, 0, 4]),)),
        Case(padded, "gradients of hidden and of the prompts", (call(2, 3, 2, 2, [3, 2], learned=True),), upstream=round(float(rng.uniform(2, 4)), 1)),
        Case(padded, "padding in front", (call(2, 4, 3, more, [1, 3], left=True),)),
        Case(ones, "whole numbers", (call(2, 3, 2, 2, [2, 3], dtype=torch.int64),)),
        Case(ones, "whole numbers, padding in front", (call(3, 4, 2, 1, [4, 1, 2], left=True, dtype=torch.int64),)),
    ]


def _prompt_view(values: list, calls: tuple) -> dict:
    """Both tensors by name, and gradients where they are asked for; something that is no pair is shown as it is."""
    (value,), more = values, {}
    if isinstance(value, dict):
        more = {label: gradient for label, gradient in value.items() if label != "the value"}
        value = value["the value"]
    if not isinstance(value, list | tuple) or len(value) != 2:
        return {"two results": value}
    return {"hidden": value[0], "mask": value[1], "the type of mask": str(getattr(value[1], "dtype", "not a tensor's")), **more}


def _ones(hidden, mask, prompts):
    return mask.new_ones(len(hidden), len(prompts))


def _prompted(front=lambda hidden, mask, prompts: prompts.expand(len(hidden), *prompts.shape), seen=_ones, joins=lambda front, rest: torch.cat([front, rest], dim=1),
              joins_mask=None, gives=lambda hidden, mask: (hidden, mask)):
    """Prompts with one mistake."""

    def with_prompts(hidden, mask, prompts):
        return gives(joins(front(hidden, mask, prompts), hidden), (joins_mask or joins)(seen(hidden, mask, prompts), mask))

    return with_prompts


def _behind(front, rest):
    return torch.cat([rest, front], dim=1)


def _replaces(front, rest):
    return torch.cat([front, rest[:, front.shape[1]:]], dim=1)


def _mask_untouched(hidden, mask, prompts):
    return _prompted()(hidden, mask, prompts)[0], mask


def _wraps(hidden, mask, prompts):
    places = (torch.arange(hidden.shape[1] + len(prompts)) - len(prompts)).clamp(max=hidden.shape[1] - 1)
    found, seen = _prompted()(hidden, mask, prompts)
    return found, mask[:, places.clamp(min=0)]


def _to_float(hidden, mask, prompts):
    found, seen = _prompted()(hidden, mask, prompts)
    return found, seen.to(hidden.dtype)


def _mixed(hidden, mask, prompts):
    batch, count = len(hidden), len(prompts)
    front = prompts.repeat(batch, 1).reshape(count, batch, -1).transpose(0, 1)
    return torch.cat([front, hidden], dim=1), _prompted()(hidden, mask, prompts)[1]


PROMPTS = Exercise(
    id="09.prompts",
    title="places in front of the input",
    name="with_prompts",
    parameters=("hidden", "mask", "prompts"),
    points=2,
    minutes=6,
    difficulty="easy",
    reference="tlkit.peft.prompts:with_prompts",
    cases=_prompt_cases,
    view=_prompt_view,
    hint="Every sentence gets the same P rows in front, and P places in its mask that are looked at.",
    shrinks=False,
    equivalent_mutants={},
    misconceptions=(
        Misconception("the mask stays as it was", "It then has fewer places than the sentence: an error at best, and with broadcasting a wrong answer.",
                      "How many places does each sentence have afterwards?", _mask_untouched),
        Misconception("prompts are masked out", "Zeros mean “do not look”. The prompts are there to be looked at, and get no gradient otherwise.",
                      "What does False in the mask mean?", _prompted(seen=lambda hidden, mask, prompts: mask.new_zeros(len(hidden), len(prompts)))),
        Misconception("padding is looked at", "Words and padding alike are seen now: the prompts' part is right, and the sentence's own mask is lost.",
                      "What was False in `mask`, and is it still?", lambda hidden, mask, prompts: (_prompted()(hidden, mask, prompts)[0], torch.ones_like(_prompted()(hidden, mask, prompts)[1]))),
        Misconception("the prompts of different sentences are mixed", "Reshaping does not turn axes: which row of the repeated prompts comes first?",
                      "Are the first P places of every sentence the P prompts, in their order?", _mixed),
        Misconception("all prompts are their mean", "Each of the P vectors is one of its own.", "Which row of `prompts` comes first?",
                      _prompted(front=lambda hidden, mask, prompts: prompts.mean(dim=0).expand(len(hidden), *prompts.shape))),
        Misconception("prompts behind the input", "Behind the padding they would even be far away from the text; the exercise asks for the front.",
                      "Where do the prompts stand?", _prompted(joins=_behind)),
        Misconception("the mask grows at the end", "Both grow, but the mask at the other end: its False then lie on other places.",
                      "Which place of the mask belongs to the first prompt?",
                      _prompted(joins_mask=_behind)),
        Misconception("the text in front, the mask's places too early", "Both grow, but the hidden states at the other end.", "Which place of `hidden` is the first prompt?",
                      _prompted(joins=_behind, joins_mask=lambda front, rest: torch.cat([front, rest], dim=1))),
        Misconception("prompts overwrite the first words", "Then the text is no longer whole.", "How many places does each sentence have afterwards?",
                      _prompted(joins=_replaces)),
        Misconception("one prompt alone", "P rows stand in `prompts`.", "What is the first size of `prompts`?",
                      _prompted(front=lambda hidden, mask, prompts: prompts[:1].expand(len(hidden), 1, -1), seen=lambda hidden, mask, prompts: mask.new_ones(len(hidden), 1))),
        Misconception("added to the first words", "Prompts are places of their own.", "How many places does each sentence have afterwards?",
                      lambda hidden, mask, prompts: (hidden + prompts.mean(dim=0), mask)),
        Misconception("the prompts' mask is a copy of the text's", "It is True where the text is, and the prompts are never padding.",
                      "Which prompts may a short sentence look at?", _wraps),
        Misconception("prompts count only where the sentence is full", "The prompts are there for every sentence.", "Which prompts may a short sentence look at?",
                      _prompted(seen=lambda hidden, mask, prompts: mask.bool().all(dim=1, keepdim=True).to(mask.dtype).expand(-1, len(prompts)))),
        Misconception("zeros in place of the prompts", "Room was made and nothing put in.", "Which numbers stand in front?",
                      _prompted(front=lambda hidden, mask, prompts: torch.zeros(len(hidden), *prompts.shape))),
        Misconception("prompts in reverse", "Something like a queue was meant.", "Which row of `prompts` comes first?",
                      _prompted(front=lambda hidden, mask, prompts: prompts.flip(0).expand(len(hidden), *prompts.shape))),
        Misconception("the mask is the wrong way round", "Some of torch's attention wants True on padding; here True is where something is seen.",
                      "What does False in the mask mean?",
                      _prompted(gives=lambda hidden, mask: (hidden, (mask == 0).to(mask.dtype)))),
        Misconception("each prompt stands several times in a row", "`repeat_interleave` repeats each row before it comes to the next; the whole block is to be repeated.",
                      "Are the first P places of every sentence the P prompts, in their order?",
                      _prompted(front=lambda hidden, mask, prompts: prompts.repeat_interleave(len(hidden), dim=0).reshape(len(hidden), *prompts.shape))),
        Misconception("the mask is always bool", "It came as whole numbers in some of the cases, and whoever multiplies or adds goes on with them.", "Of which type was the mask?",
                      _prompted(gives=lambda hidden, mask: (hidden, mask.bool()))),
        Misconception("the mask is always of whole numbers", "It came as bool in some of the cases, and an index of whole numbers means another thing.",
                      "Of which type was the mask?",
                      _prompted(gives=lambda hidden, mask: (hidden, mask.long()))),
        Misconception("prompts are unseen where a sentence has no word", "Then such a sentence sees nothing at all, and a softmax over nothing is nan.",
                      "Which prompts may an empty sentence look at?",
                      _prompted(seen=lambda hidden, mask, prompts: mask.bool().any(dim=1, keepdim=True).to(mask.dtype).expand(-1, len(prompts)))),
        Misconception("the mask becomes decimals", "`torch.ones` gives floats, and to join them with the mask makes floats of all.", "Of which type was the mask?", _to_float),
        Misconception("the prompts learn nothing", "`detach`, `.data` or numpy on the way gives their numbers and cuts off their gradient; they are there to be learned.",
                      "Which way does the gradient take from the result back to `prompts`?",
                      _prompted(front=lambda hidden, mask, prompts: prompts.detach().expand(len(hidden), *prompts.shape))),
        Misconception("hidden gets no gradient", "What lies below learns nothing then: words' vectors, or updates in them.",
                      "Which way does the gradient take from the result back to `hidden`?",
                      lambda hidden, mask, prompts: _prompted()(hidden.detach(), mask, prompts)),
        Misconception("mask first, then hidden", "Two results, the other way round.", "In which order does the exercise ask for them?",
                      _prompted(gives=lambda hidden, mask: (mask, hidden))),
        Misconception("the hidden states alone", "The mask is half of the answer.", "How many things does the exercise ask to return?",
                      _prompted(gives=lambda hidden, mask: hidden)),
    ),
)

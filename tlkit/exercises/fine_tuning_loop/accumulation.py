"""Exercise 04.accumulation (optional): one step for a batch that comes in uneven parts."""

import numpy as np
from torch.nn.functional import cross_entropy

from tlkit.exercises.fine_tuning_loop.material import examples, plain_net
from tlkit.exercises.recipe import batches, optimizer
from tlkit.exercises.record import Case, Exercise, Misconception


def _accumulation_cases(rng: np.random.Generator) -> list[Case]:
    def call(count, size, ignored=(), algorithm="SGD", **options):
        inputs, labels = examples(rng, count)
        labels[list(ignored)] = -100
        return ((plain_net(rng, "model"), batches(inputs, labels, size, name="parts"), optimizer(algorithm, **options or {"lr": 0.5})),)

    odd = int(rng.integers(7, 10))
    return [
        Case("one part", "three examples", call(3, 3)),
        Case("one part", "more examples", call(odd, 10)),
        Case("parts of one size", "two parts of two", call(4, 2)),
        Case("parts of one size", "three parts", call(9, 3, lr=0.5, momentum=0.9)),
        Case("parts of different size", "three examples and one", call(4, 3)),
        Case("parts of different size", "more examples", call(odd, odd - 2)),
        Case("labels that do not count", "one of four is -100", call(4, 2, ignored=(1,))),
        Case("labels that do not count", "a part without any label", call(6, 2, ignored=(0, 2, 3))),
        Case("nothing to learn from", "one label counts", call(4, 2, ignored=(0, 1, 3))),
        Case("nothing to learn from", "no label counts, and the optimiser would decay the weights",
             call(4, 2, ignored=(0, 1, 2, 3), algorithm="AdamW", lr=0.5, weight_decay=0.5)),
    ]


def _valid(labels):
    return int((labels != -100).sum())


def _answer(each=None, weight=None, steps=False, cleared_each=False, guarded=True, total_of=None, summed=False, last=False):
    """A step over parts with one mistake."""

    def accumulated_step(model, parts, optimizer):
        parts = list(parts)
        count = sum(_valid(labels) for _, labels in parts)
        if count == 0 and guarded:
            return 0.0
        divisor = (weight or (lambda parts: max(1, count)))(parts)
        optimizer.zero_grad()
        total = 0.0
        for inputs, labels in parts:
            if cleared_each:
                optimizer.zero_grad()
            share = (each or (lambda logits, labels: cross_entropy(logits, labels, reduction="sum")))(model(inputs), labels) / divisor
            share.backward()
            total = share.item() + (0.0 if last else total)
            if steps:
                optimizer.step()
        if not steps:
            optimizer.step()
        return total * divisor if summed else total

    return accumulated_step


def _mean_or_nothing(logits, labels):
    return cross_entropy(logits, labels) if _valid(labels) else logits.sum() * 0


ACCUMULATION = Exercise(
    id="04.accumulation",
    title="one step for a batch in parts",
    name="accumulated_step",
    kind="loop",
    parameters=("model", "parts", "optimizer"),
    points=5,
    minutes=12,
    difficulty="medium",
    reference="tlkit.plain_loop:accumulated_step",
    cases=_accumulation_cases,
    looks_at=("model.parameters",),
    rtol=1e-5,
    atol=1e-6,
    shrinks=False,
    hint="Count first. Then the gradient of every part's summed loss, divided by that count, adds up by itself.",
    equivalent_mutants={
        **dict.fromkeys(("dropped: optimizer.zero_grad()", "optimizer"), "no gradient is left from before in these cases"),
    },
    misconceptions=(
        Misconception("a mean of means", "Dividing each part's mean by the number of parts is right where all parts count the same.",
                      "How much does the single example of a short part count?", _answer(each=_mean_or_nothing, weight=len)),
        Misconception("a part without labels gives nan", "A mean over no label is 0 / 0, and one nan spoils the whole gradient.",
                      "What is the mean over an empty part? And the sum?", _answer(each=cross_entropy, weight=len)),
        Misconception("the gradients are summed, not averaged", "They do add up by themselves; the division is what is left to do.",
                      "Should ten times the data make the step ten times as long?", _answer(weight=lambda parts: 1)),
        Misconception("the parts' means are summed", "Each part's loss is a mean, and the parts add up.",
                      "Should more parts make the step longer?", _answer(each=_mean_or_nothing, weight=lambda parts: 1)),
        Misconception("labels of -100 are counted", "They are examples, after all, but the loss leaves them out.",
                      "By how many labels is the sum divided?", _answer(weight=lambda parts: sum(len(labels) for _, labels in parts))),
        Misconception("a step after every part", "That is training with smaller batches, not with one large one.",
                      "How many steps should one batch give?", _answer(steps=True)),
        Misconception("cleared before every part", "In a usual loop the gradients are cleared at the top of the loop.",
                      "Which parts' gradients are there when the step is taken?", _answer(cleared_each=True)),
        Misconception("a step where nothing counts", "The gradient is zero, so what harm can a step do? Ask the weight decay.",
                      "What does AdamW do to a weight whose gradient is zero?", _answer(guarded=False)),
        Misconception("the loss is summed", "The gradient was divided, the number that comes back was not.", "Which mean should be returned?",
                      _answer(summed=True)),
        Misconception("the last part's loss is returned", "It is the variable that is left when the loop ends.", "What of the parts before?",
                      _answer(last=True)),
    ),
)

"""Exercise 04.evaluate: mean loss and accuracy, without leaving a trace."""

from typing import Any

import numpy as np
import torch

from tlkit.exercises.fine_tuning_loop.material import loader, norm_net, plain_net
from tlkit.exercises.recipe import Recipe, loss
from tlkit.exercises.record import Case, Exercise, Misconception


def _evaluate_cases(rng: np.random.Generator) -> list[Case]:
    odd = int(rng.integers(7, 10))

    def call(net, count, size):
        return ((net, loader(rng, count, size), loss()),)

    return [
        Case("the mean loss", "two examples in one batch", call(plain_net(rng, "losses"), 2, 2)),
        Case("the mean loss", "a batch of four and one of one", call(plain_net(rng, "losses"), 5, 4)),
        Case("the accuracy", "three examples in one batch", call(plain_net(rng, "shares"), 3, 3)),
        Case("the accuracy", f"{odd} examples, the last alone", call(plain_net(rng, "shares"), odd, odd - 1)),
        Case("the accuracy", "more examples", call(plain_net(rng, "shares"), 43, 40)),
        Case("evaluation mode, without gradients", "a BatchNorm", call(norm_net(rng, "the model"), 4, 4)),
        Case("evaluation mode, without gradients", "two batches of three", call(norm_net(rng, "the model"), 6, 3)),
        Case("the mode is put back", "it was in training", call(plain_net(rng, "left", training=True), 3, 3)),
        Case("the mode is put back", "it was in evaluation", call(plain_net(rng, "left", training=False), 3, 3)),
    ]


def _evaluate_view(values: list, calls: tuple[tuple, ...]) -> Any:
    """Of the pair, loss or accuracy where a case is about one of them."""
    (value,), (call,) = values, calls
    name = next(argument.name for argument in call if isinstance(argument, Recipe))
    pair = value["what is returned"]
    if not isinstance(pair, (tuple, list)) or len(pair) != 2:
        return value
    if name == "losses":
        return {"the mean loss": pair[0]}
    if name == "shares":
        return {"the accuracy": pair[1]}
    return {**value, "what is returned": {"the mean loss": pair[0]}}


def _answer(mode=False, gradients=False, weighted=True, restored=True, training_after=False, divided=True, percent=False, swapped=False,
            first=False, errors=False, counted=False, weights_lost="", axis=1, last=False, at_least=None):
    """An evaluation with one mistake."""

    def evaluate(model, batches, loss):
        was_training = model.training
        model.train(mode)
        total, right, count, batch_sum, batches_seen = 0.0, 0.0, 0, 0.0, 0
        with torch.set_grad_enabled(gradients):
            for inputs, labels in batches:
                logits = model(inputs)
                chosen = logits.argmax(1) if at_least is None else (logits.softmax(1)[:, 1] > at_least).long()
                here = (chosen == labels).sum().item() if axis == 1 else _by_column(logits, labels)
                size = len(labels) if weighted else 1
                total += loss(logits, labels).item() * size
                right += here / len(labels) * size
                count += size
                batch_sum += loss(logits, labels).item()
                batches_seen += 1
                if last:
                    total, right, count = loss(logits, labels).item() * size, here / len(labels) * size, size
                if first:
                    break
        if training_after:
            model.train()
        elif restored:
            model.train(was_training)
        mean, share = (total / count, right / count) if divided else (total, right / count)
        mean = {"": mean, "by batches": batch_sum / batches_seen, "by examples": batch_sum / count}[weights_lost]
        share = 1 - share if errors else 100 * share if percent else right if counted else share
        return (share, mean) if swapped else (mean, share)

    return evaluate


def _by_column(logits, labels):
    """The largest output of each column, compared with as many labels as there are."""
    column = logits.argmax(0)
    shared = min(len(column), len(labels))
    return (column[:shared] == labels[:shared]).sum().item()


def _accuracy_alone(model, batches, loss):
    return _answer()(model, batches, loss)[1]


EVALUATE = Exercise(
    id="04.evaluate",
    title="evaluate without leaving a trace",
    name="evaluate",
    kind="loop",
    parameters=("model", "batches", "loss"),
    points=4,
    minutes=10,
    difficulty="easy",
    reference="tlkit.plain_loop:evaluate",
    cases=_evaluate_cases,
    view=_evaluate_view,
    looks_at=("the model.buffers", "the model.forward", "left.training"),
    rtol=1e-5,
    atol=1e-6,
    shrinks=False,
    hint="Mode, gradients, counts; and at the end the mode again.",
    equivalent_mutants={
        "right += (logits.argmax(dim=-1) == labels).sum().item()": "the last axis is axis 1",
    },
    misconceptions=(
        Misconception("in training mode", "It is the mode that the model was in, and nothing complains.",
                      "Whose statistics does BatchNorm use in training mode?", _answer(mode=True)),
        Misconception("gradients are recorded", "`eval()` sounds as if it did that too.",
                      "Which context tells torch not to record?", _answer(gradients=True)),
        Misconception("each batch counts the same", "Every batch's loss is a mean already, so their mean looks like the mean.",
                      "How much does one example of a short last batch count?", _answer(weighted=False)),
        Misconception("the loss is a mean of batch means", "The accuracy counts examples, and the loss still counts batches.",
                      "How much does one example of a short last batch count in the loss?", _answer(weights_lost="by batches")),
        Misconception("batch means over the number of examples", "The sum is divided by the number of examples, but it is a sum over batches.",
                      "How many losses did you add up, and how many examples stand for each?", _answer(weights_lost="by examples")),
        Misconception("the last batch only", "It is what is left in the variables when the loop ends.", "What of the batches before?", _answer(last=True)),
        Misconception("the largest of a column, not of a row", "`argmax(0)` goes through the examples, and finds one for each class.",
                      "Along which axis of (examples, classes) do the outputs of one example lie?", _answer(axis=0)),
        Misconception("a threshold where several classes compete", "With two classes, above one half and the largest are the same; with more they are not.",
                      "What can be the answer, if there are three classes?", _answer(at_least=0.5)),
        Misconception("the mode is not put back", "The next epoch will call `train()` anyway, one hopes.",
                      "In which mode does whoever called you expect the model?", _answer(restored=False)),
        Misconception("always left in training mode", "Evaluation is mostly called between two epochs.",
                      "What if the model was in evaluation mode before?", _answer(training_after=True)),
        Misconception("the losses are added up", "A running total is kept, and nobody divides it.",
                      "Should twice as much data double the loss?", _answer(divided=False)),
        Misconception("accuracy in percent", "Reports print it that way.", "Between which two numbers should the share lie?", _answer(percent=True)),
        Misconception("the number of right answers", "It was counted, and not divided.", "Which share is asked for?", _answer(counted=True)),
        Misconception("the share of errors", "It is the other half of the same fact.", "Should a perfect model get 1 or 0?", _answer(errors=True)),
        Misconception("loss and accuracy are swapped", "Both are numbers, and nothing complains.", "Which of the two comes first?",
                      _answer(swapped=True)),
        Misconception("the first batch only", "A `return` or `break` inside the loop ends it.", "How far does your loop get?", _answer(first=True)),
        Misconception("the accuracy alone", "It is the number that people talk about.", "Which two numbers should come back?", _accuracy_alone),
    ),
)

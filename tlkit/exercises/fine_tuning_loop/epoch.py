"""Exercise 04.epoch: one pass over the training data."""

import numpy as np
import torch

from tlkit.exercises.fine_tuning_loop.material import loader, norm_net, plain_net, watched_or_returned
from tlkit.exercises.recipe import loss, optimizer
from tlkit.exercises.record import Case, Exercise, Misconception


def _epoch_cases(rng: np.random.Generator) -> list[Case]:
    sgd = dict(lr=0.5)
    odd = int(rng.integers(5, 8))
    watched = "the model"
    return [
        Case("one batch", "two examples in one batch", ((plain_net(rng), loader(rng, 2, 2), loss(), optimizer(of=watched, **sgd)),)),
        Case("one batch", f"{odd} examples in one batch", ((plain_net(rng), loader(rng, odd, 9), loss(), optimizer("AdamW", of=watched, lr=0.1)),)),
        Case("several batches", "three batches of two", ((plain_net(rng), loader(rng, 6, 2), loss(), optimizer(of=watched, **sgd)),)),
        Case("several batches", "momentum", ((plain_net(rng), loader(rng, 9, 3), loss(), optimizer(of=watched, momentum=0.9, **sgd)),)),
        Case("training mode", "a BatchNorm in a model that comes in evaluation mode",
             ((norm_net(rng, training=False), loader(rng, 4, 4), loss(), optimizer(of=watched, **sgd)),)),
        Case("training mode", "more examples",
             ((norm_net(rng, training=False), loader(rng, odd, 9), loss(), optimizer(of=watched, **sgd)),)),
        Case("the mean loss", "a BatchNorm in a model that comes in evaluation mode",
             ((norm_net(rng, "model", training=False), loader(rng, 4, 4), loss(), optimizer(**sgd)),)),
        Case("the mean loss", "a batch of two", ((plain_net(rng, "model"), loader(rng, 2, 2), loss(), optimizer(**sgd)),)),
        Case("the mean loss", "a batch of four and one of one", ((plain_net(rng, "model"), loader(rng, 5, 4), loss(), optimizer(**sgd)),)),
        Case("the mean loss", f"{odd} examples, the last alone",
             ((plain_net(rng, "model"), loader(rng, odd, odd - 1), loss(), optimizer(**sgd)),)),
    ]


def _answer(cleared=True, mode=True, step=True, weighted=True, divided=True, last=False,
            by_batches=False, once=False, after=False, measured_apart=False):
    """A training loop with one mistake."""

    def train_epoch(model, batches, loss, optimizer):
        model.train(mode)
        optimizer.zero_grad()
        total, count, number, value = 0.0, 0, 0, None
        for inputs, labels in batches:
            if cleared and not once:
                optimizer.zero_grad()
            if measured_apart:
                model.eval()
                shown = loss(model(inputs), labels)
                model.train()
            value = loss(model(inputs), labels)
            value.backward()
            if step and not once:
                optimizer.step()
            if after:
                value = loss(model(inputs), labels)
            value = shown if measured_apart else value
            total += value.item() * (len(labels) if weighted else 1)
            count += len(labels)
            number += 1
        if once:
            optimizer.step()
        if last:
            return value.item()
        return total / ((number if by_batches else count) if divided else 1)

    return train_epoch


def _batches_as_inputs(model, batches, loss, optimizer):
    model.train()
    pairs = list(batches)
    inputs, labels = (torch.cat(each) for each in zip(*pairs))
    optimizer.zero_grad()
    value = loss(model(inputs), labels)
    value.backward()
    optimizer.step()
    return value.item()


def _one_behind(model, batches, loss, optimizer):
    model.train()
    total, count = 0.0, 0
    for inputs, labels in batches:
        value = loss(model(inputs), labels)
        optimizer.step()
        optimizer.zero_grad()
        value.backward()
        total += value.item() * len(labels)
        count += len(labels)
    return total / count


EPOCH = Exercise(
    id="04.epoch",
    title="one pass over the training data",
    name="train_epoch",
    kind="loop",
    parameters=("model", "batches", "loss", "optimizer"),
    points=4,
    minutes=10,
    difficulty="easy",
    reference="tlkit.plain_loop:train_epoch",
    cases=_epoch_cases,
    view=watched_or_returned,
    looks_at=("the model.parameters", "the model.buffers"),
    rtol=1e-5,
    atol=1e-6,
    shrinks=False,
    hint="Clear, forward, backward, step; and add up the loss of every example, not of every batch.",
    misconceptions=(
        Misconception("gradients pile up", "Each backward pass looks like a fresh computation, but torch adds its result to what is in `.grad`.",
                      "What does `.grad` hold before the second batch?", _answer(cleared=False)),
        Misconception("the model stays in evaluation mode", "Nothing complains when it does; BatchNorm just keeps old statistics.",
                      "Who says that this is training?", _answer(mode=False)),
        Misconception("a mean of batch means", "Every batch's loss is a mean already, so their mean looks like the mean.",
                      "How much does one example of a short last batch count?", _answer(weighted=False, by_batches=True)),
        Misconception("the weights never move", "No step is taken; or it comes before `backward`, or after the gradients were cleared, and finds nothing to use.",
                      "Which call changes the weights, and what does it find in `.grad`?", _answer(step=False)),
        Misconception("every step uses the batch before", "Step, clear, backward are the right three calls, begun in the wrong place.",
                      "Which batch does the gradient come from that your step uses?", _one_behind),
        Misconception("one step for the whole epoch", "The step stands behind the loop, one indentation too far left.",
                      "How many steps should three batches give?", _answer(once=True)),
        Misconception("everything at once", "The batches were put together again into one.", "How many steps should three batches give?",
                      _batches_as_inputs),
        Misconception("the losses are added up", "A running total is kept, and nobody divides it.", "Should twice as much data double the result?",
                      _answer(divided=False)),
        Misconception("the batch means are added up", "A running total of the values that the loss gave.",
                      "Which of the numbers that you add is itself a mean?", _answer(weighted=False, divided=False)),
        Misconception("batch means over the number of examples", "The sum is divided by the number of examples, but it is a sum over batches.",
                      "How many numbers did you add up, and how many examples stand for each?", _answer(weighted=False)),
        Misconception("a sum over examples, divided by the number of batches", "The weights went in, and the other count came out.",
                      "By the number of what do you divide?", _answer(by_batches=True)),
        Misconception("the last batch's loss", "It is the variable that is left when the loop ends.", "What of the batches before?",
                      _answer(last=True)),
        Misconception("the loss in evaluation mode", "A loss to report sounds like an evaluation; but this is the one that was learned from.",
                      "Which of your losses was sent back?", _answer(measured_apart=True)),
        Misconception("the loss after the step", "It is the newer number, but it costs another pass through the model, and in training it moves "
                      "the statistics once more.", "When should the loss of a batch be measured?", _answer(after=True)),
    ),
)

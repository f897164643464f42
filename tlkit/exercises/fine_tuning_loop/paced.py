"""Exercise 04.paced: an epoch with clipped gradients and a rate that moves at every step."""

import numpy as np
from torch import nn

from tlkit.exercises.fine_tuning_loop.material import loader, norm_net, plain_net, watched_or_returned
from tlkit.exercises.recipe import loss, optimizer, scheduler
from tlkit.exercises.record import Case, Exercise, Misconception

NEVER = 1e6
"""No gradient of these cases is as long."""


def _paced_cases(rng: np.random.Generator) -> list[Case]:
    odd = int(rng.integers(5, 8))

    def call(net, count, size, gamma=1.0, max_norm=NEVER, rate=0.5):
        name = net.name
        return ((net, loader(rng, count, size), loss(), optimizer(of=name, lr=rate), scheduler(gamma=gamma), max_norm),)

    return [
        Case("the rate moves at every step", "two batches", call(plain_net(rng), 4, 2, gamma=0.5)),
        Case("the rate moves at every step", "four batches", call(plain_net(rng), 8, 2, gamma=0.7)),
        Case("long gradients are shortened", "one batch", call(plain_net(rng), 3, 3, max_norm=0.05)),
        Case("long gradients are shortened", "three batches", call(plain_net(rng), odd, 3, max_norm=0.02, rate=2.0)),
        Case("short gradients stay as they are", "one batch", call(plain_net(rng), 3, 3, max_norm=40.0)),
        Case("short gradients stay as they are", "two batches", call(plain_net(rng), 6, 3, max_norm=30.0)),
        Case("the rest of the epoch", "a BatchNorm in a model that comes in evaluation mode", call(norm_net(rng, training=False), 8, 4)),
        Case("the rest of the epoch", "the mean loss, with a BatchNorm in a model that comes in evaluation mode",
             call(norm_net(rng, "model", training=False), 8, 4)),
        Case("the rest of the epoch", "the mean loss, the last example alone", call(plain_net(rng, "model"), odd, odd - 1)),
    ]


def _answer(per_epoch=False, before=False, clip="norm", mode=True, cleared=True, weighted=True, paced=True, other_norm=2.0,
            measured_apart=False):
    """A paced epoch with one mistake."""

    def paced_epoch(model, batches, loss, optimizer, scheduler, max_norm):
        model.train(mode)
        total, count, number = 0.0, 0, 0
        for inputs, labels in batches:
            if cleared:
                optimizer.zero_grad()
            if measured_apart:
                model.eval()
                shown = loss(model(inputs), labels)
                model.train()
            value = loss(model(inputs), labels)
            value.backward()
            parameters = list(model.parameters())
            if clip == "norm":
                nn.utils.clip_grad_norm_(parameters, max_norm, other_norm)
            elif clip == "value":
                nn.utils.clip_grad_value_(parameters, max_norm)
            elif clip == "each":
                for parameter in parameters:
                    nn.utils.clip_grad_norm_([parameter], max_norm)
            elif clip == "always":
                norm = sum(parameter.grad.square().sum() for parameter in parameters) ** 0.5
                for parameter in parameters:
                    parameter.grad *= max_norm / norm
            if before and paced:
                scheduler.step()
            optimizer.step()
            if paced and not before and not per_epoch:
                scheduler.step()
            value = shown if measured_apart else value
            total += value.item() * (len(labels) if weighted else 1)
            count += len(labels) if weighted else 1
            number += 1
        if per_epoch:
            scheduler.step()
        return total / count

    return paced_epoch


PACED = Exercise(
    id="04.paced",
    title="an epoch with a schedule and clipping",
    name="paced_epoch",
    kind="loop",
    parameters=("model", "batches", "loss", "optimizer", "scheduler", "max_norm"),
    points=4,
    minutes=10,
    difficulty="medium",
    reference="tlkit.plain_loop:paced_epoch",
    cases=_paced_cases,
    view=watched_or_returned,
    looks_at=("the model.parameters", "the model.buffers", "scheduler.rates"),
    rtol=1e-5,
    atol=1e-6,
    shrinks=False,
    hint="Two lines are new in the loop: one between backward and step, one behind the step.",
    misconceptions=(
        Misconception("the schedule moves once an epoch", "Many schedules are counted in epochs; this one is counted in steps, and would hardly leave its warm-up.",
                      "How often should `scheduler.step` be called in an epoch of two batches?", _answer(per_epoch=True)),
        Misconception("the schedule moves before the optimiser", "Then the first rate is never used.", "With which rate is the first step taken?",
                      _answer(before=True)),
        Misconception("the schedule does not move", "It is given to the function, and nobody tells it that a step was taken.",
                      "Who tells the schedule that a step was taken?", _answer(paced=False)),
        Misconception("the step is taken with the whole gradient", "Clipping before `backward`, or behind the step, changes gradients that nobody uses.",
                      "What does the optimiser find in `.grad` when it steps?", _answer(clip="none")),
        Misconception("each number is clipped by itself", "`clip_grad_value_` bounds every entry, and turns the gradient's direction.",
                      "What is it that should not be longer than `max_norm`?", _answer(clip="value")),
        Misconception("each parameter is clipped by itself", "Then the parts of the gradient change their share of it.",
                      "How long may all gradients together be?", _answer(clip="each")),
        Misconception("every gradient is brought to the same length", "Clipping shortens; it never makes longer.",
                      "What becomes of a gradient that is short already?", _answer(clip="always")),
        Misconception("the sum of absolute values as length", "Another norm gives another length.", "Which norm has a vector's usual length?",
                      _answer(other_norm=1.0)),
        Misconception("gradients pile up", "Each backward pass looks like a fresh computation, but torch adds its result to what is in `.grad`.",
                      "What does `.grad` hold before the second batch?", _answer(cleared=False)),
        Misconception("the model stays in evaluation mode", "Nothing complains when it does; BatchNorm just keeps old statistics.",
                      "Who says that this is training?", _answer(mode=False)),
        Misconception("the loss in evaluation mode", "A loss to report sounds like an evaluation; but this is the one that was learned from.",
                      "Which of your losses was sent back?", _answer(measured_apart=True)),
        Misconception("a mean of batch means", "Every batch's loss is a mean already, so their mean looks like the mean.",
                      "How much does one example of a short last batch count?", _answer(weighted=False)),
    ),
)

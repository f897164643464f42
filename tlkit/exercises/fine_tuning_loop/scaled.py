"""Exercise 04.scaled (optional): a step with a scaled loss, in the right order."""

import numpy as np
import torch
from torch import nn

from tlkit.exercises.fine_tuning_loop.material import examples, plain_net
from tlkit.exercises.recipe import loss, model, optimizer
from tlkit.exercises.record import Case, Exercise, Misconception

NEVER = 1e6
"""No gradient of these cases is as long."""


def _scaled_cases(rng: np.random.Generator) -> list[Case]:
    def call(count, scale, max_norm=NEVER):
        inputs, labels = (torch.tensor(each) for each in examples(rng, count))
        return ((plain_net(rng, "model"), inputs, labels, loss(), optimizer(lr=0.5), scale, max_norm),)

    def steep():
        """A finite loss with an infinite gradient: a long input at a right angle to all that tells the classes apart."""
        seed = int(rng.integers(1000))
        weight = 0.7 * torch.randn(3, 3, generator=torch.Generator().manual_seed(seed))  # as the recipe will draw it
        across = torch.linalg.cross(weight[1] - weight[0], weight[2] - weight[0])
        inputs = torch.stack([across, -across]) / across.norm() * 1000
        return ((model(("linear", 3, 3), name="model", seed=seed), inputs, torch.tensor([0, 2]), loss(), optimizer(lr=0.5), 2.0**124, NEVER),)

    odd = int(rng.integers(4, 8))
    return [
        Case("the gradients are unscaled", "a scale of 4", call(2, 4.0)),
        Case("the gradients are unscaled", "a scale of 65536", call(odd, 65536.0)),
        Case("clipped as they are without the scale", "a scale of 4", call(2, 4.0, max_norm=0.05)),
        Case("clipped as they are without the scale", "a scale of 1024", call(odd, 1024.0, max_norm=0.1)),
        Case("short gradients stay as they are", "a scale of 1024", call(odd, 1024.0, max_norm=30.0)),
        Case("an overflow", "none yet", call(3, 2.0**20)),
        Case("an overflow", "the scaled loss is infinite", call(3, 2.0**140)),
        Case("an overflow", "the scaled loss is finite, and a gradient is not", steep()),
    ]


def _answer(unscaled=True, clip_first=False, guarded=True, after=lambda scale: scale / 2, each=False, by_loss=False, late=False, clip=True,
            stepped=False, norm=lambda max_norm, scale: max_norm, zeroed=False):
    """A scaled step with one mistake."""

    def scaled_step(model, inputs, labels, loss, optimizer, scale, max_norm):
        optimizer.zero_grad()
        value = loss(model(inputs), labels) * scale
        value.backward()
        parameters = list(model.parameters())
        looked_at = [value] if by_loss else [parameter.grad for parameter in parameters]
        is_finite = all(bool(torch.isfinite(each).all()) for each in looked_at)

        def shorten():
            for group in [[p] for p in parameters] if each else [parameters]:
                nn.utils.clip_grad_norm_(group, norm(max_norm, scale))

        if not is_finite and guarded:
            if zeroed:
                for parameter in parameters:
                    parameter.grad.nan_to_num_(0.0, 0.0, 0.0)
                optimizer.step()
            return after(scale)
        if clip and clip_first:
            shorten()
        if unscaled and not late:
            for parameter in parameters:
                parameter.grad /= scale
        if clip and not clip_first:
            shorten()
        optimizer.step()
        return scale * 2 if stepped else scale

    return scaled_step


SCALED = Exercise(
    id="04.scaled",
    title="a step with a scaled loss",
    name="scaled_step",
    kind="loop",
    parameters=("model", "inputs", "labels", "loss", "optimizer", "scale", "max_norm"),
    points=4,
    minutes=12,
    difficulty="hard",
    reference="tlkit.plain_loop:scaled_step",
    cases=_scaled_cases,
    looks_at=("model.parameters",),
    rtol=1e-4,
    atol=1e-6,
    shrinks=False,
    hint="Scale, back, look, unscale, clip, step: each of them needs the one before.",
    equivalent_mutants={
        **dict.fromkeys(("dropped: optimizer.zero_grad()", "optimizer"), "no gradient is left from before in these cases"),
    },
    misconceptions=(
        Misconception("clipped before unscaling", "The gradients are clipped while they are still as large as the scale, and all but vanish afterwards.",
                      "How long is the gradient after your last division?", _answer(clip_first=True)),
        Misconception("the gradients are not unscaled", "The loss was multiplied, and the gradient with it.",
                      "How much longer is the gradient than without a scale?", _answer(unscaled=False)),
        Misconception("a step in spite of an overflow", "One infinite gradient makes every weight nan, for good.",
                      "What becomes of a weight when an infinite number is subtracted?", _answer(guarded=False)),
        Misconception("infinite gradients are set to 0", "The other numbers of that gradient are as unreliable, and the step should not be taken.",
                      "Should the weights move at all?", _answer(zeroed=True)),
        Misconception("the scale stays after an overflow", "Then the next step overflows as well.", "Which scale should the next step try?",
                      _answer(after=lambda scale: scale)),
        Misconception("the scale grows after an overflow", "Too large was the trouble.", "Which scale should the next step try?",
                      _answer(after=lambda scale: scale * 2)),
        Misconception("the loss alone is looked at", "A finite loss can have a gradient that is not.", "Which numbers does the optimiser use?",
                      _answer(by_loss=True)),
        Misconception("each parameter is clipped by itself", "Then the parts of the gradient change their share of it.",
                      "How long may all gradients together be?", _answer(each=True)),
        Misconception("the gradients are not clipped", "Scale and clip both multiply, so one of them is forgotten.", "What is `max_norm` for?",
                      _answer(clip=False)),
        Misconception("clipped at a length that is scaled", "The length was multiplied by the scale, although the gradients are unscaled by then.",
                      "In which unit is the gradient when it is clipped?", _answer(norm=lambda max_norm, scale: max_norm * scale)),
        Misconception("the scale grows at every step", "Real scalers do let it grow, after many steps without an overflow; this one does not.",
                      "Which scale should come back after a step that went well?", _answer(stepped=True)),
    ),
)

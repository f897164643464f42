"""Exercise 04.scaled (optional): a step with a scaled loss, in the right order."""

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy, linear

from tlkit.exercises.fine_tuning_loop.material import examples, plain_net
from tlkit.exercises.recipe import loss, model, optimizer
from tlkit.exercises.record import Case, Exercise, Misconception

NEVER = 1e6
"""No gradient of these cases is as long."""


LARGEST = 2.0**128
"""Where 32 bits end."""


def _scaled_cases(rng: np.random.Generator) -> list[Case]:
    def call(count, scale, max_norm=NEVER, gradient=None, missing=False, step=None):
        inputs, labels = (torch.tensor(each) for each in examples(rng, count))
        if missing:
            inputs[-1, 0] = float("nan")
        return ((plain_net(rng, "model", gradient=gradient), inputs, labels, loss(), step or optimizer(lr=0.5), scale, max_norm),)

    def steep():
        """A finite loss with an infinite gradient: a long input at a right angle to all that tells the classes apart."""
        seed = int(rng.integers(1000))
        weight = 0.7 * torch.randn(3, 3, generator=torch.Generator().manual_seed(seed))  # as the recipe will draw it
        across = torch.linalg.cross(weight[1] - weight[0], weight[2] - weight[0])
        inputs = torch.stack([across, -across]) / across.norm() * 1000
        return ((model(("linear", 3, 3), name="model", seed=seed), inputs, torch.tensor([0, 2]), loss(), optimizer(lr=0.5), 2.0**124, NEVER),)

    def infinities():
        """A long input with a wrong label: loss and gradient are too large for 32 bits, and no nan is made of them."""
        seed, inputs = int(rng.integers(1000)), torch.from_numpy(rng.uniform(5, 20, (1, 3)).astype(np.float32))
        generator = torch.Generator().manual_seed(seed)
        weight, bias = (0.7 * torch.randn(shape, generator=generator) for shape in ((3, 3), (3,)))  # as the recipe will draw it
        label = (inputs @ weight.T + bias).argmin(dim=1)
        return ((model(("linear", 3, 3), name="model", seed=seed), inputs, label, loss(), decaying, LARGEST * 0.9, NEVER),)

    odd = int(rng.integers(4, 8))
    decaying = optimizer("AdamW", lr=0.1, weight_decay=0.5)
    return [
        Case("the gradients are unscaled", "a scale of 4", call(2, 4.0)),
        Case("the gradients are unscaled", "a scale of 65536", call(odd, 65536.0)),
        Case("clipped as they are without the scale", "a scale of 4", call(2, 4.0, max_norm=0.05)),
        Case("clipped as they are without the scale", "a scale of 1024", call(odd, 1024.0, max_norm=0.1)),
        Case("short gradients stay as they are", "a scale of 1024", call(odd, 1024.0, max_norm=30.0)),
        Case("gradients from before are cleared", "what a step left", call(2, 4.0, gradient=3.0)),
        Case("gradients from before are cleared", "what an overflow left", call(3, 4.0, gradient=float("inf"))),
        Case("an overflow", "none yet", call(3, 2.0**20)),
        Case("an overflow", "the scaled loss is infinite, and the optimiser would decay the weights", call(3, 2.0**140, step=decaying)),
        Case("an overflow", "the scaled loss is finite, and a gradient is not", steep()),
        Case("an overflow", "infinities, and no nan", infinities()),
        Case("an overflow", "one number of a weight, neither the first nor the last parameter", (_one_infinite(rng, place=2, size=10.0, count=1),)),
        Case("an overflow", "one number of a bias, not the last parameter", (_one_infinite(rng, place=1, size=0.1, count=2),)),
        Case("an overflow", "nan, and no infinity: a number is missing in the inputs", call(3, 4.0, missing=True)),
    ]


WIDE = (("linear", 3, 4), ("linear", 4, 3))


def _one_infinite(rng: np.random.Generator, place: int, size: float, count: int) -> tuple:
    """A call in which one number overflows in the gradient of one parameter of the network `WIDE`, and nothing else.

    Networks and inputs are drawn until that parameter has the largest gradient by far; the scale is such that it alone
    is beyond what 32 bits hold. A sum over all numbers shall be infinite then, and not nan.
    """
    while True:
        seed = int(rng.integers(100_000))
        inputs, labels = (torch.tensor(each) for each in examples(rng, count))
        inputs, labels = size * inputs, labels[:1].repeat(count)  # of one class, so that the examples' gradients add up
        gradients = _gradients(seed, inputs, labels)
        largest, second = torch.cat(gradients).abs().topk(2).values.tolist()
        if gradients[place].abs().max() == largest > 1.2 * second and largest * second > 1.1:
            scale = LARGEST / (largest * second) ** 0.5
            scaled = _gradients(seed, inputs, labels, scale)
            infinite = [int(gradient.isinf().sum()) for gradient in scaled]
            if sum(infinite) == infinite[place] == 1 and not any(each.sum().isnan() for each in (*scaled, torch.cat(scaled))):
                return model(*WIDE, name="model", seed=seed), inputs, labels, loss(), optimizer(lr=0.5), scale, NEVER


def _gradients(seed: int, inputs: torch.Tensor, labels: torch.Tensor, scale: float = 1.0) -> list[torch.Tensor]:
    """The gradient of each parameter of `WIDE`, flat; the weights as the recipe will draw them."""
    generator = torch.Generator().manual_seed(seed)
    shapes = [shape for _, before, after in WIDE for shape in ((after, before), (after,))]
    first, shift, second, bias = parameters = [(0.7 * torch.randn(shape, generator=generator)).requires_grad_() for shape in shapes]
    logits = linear(linear(inputs, first, shift), second, bias)
    return [gradient.flatten() for gradient in torch.autograd.grad(scale * cross_entropy(logits, labels), parameters)]


def _is_finite(gradients):
    return all(bool(torch.isfinite(gradient).all()) for gradient in gradients)


def _answer(unscaled=True, clip_first=False, guarded=True, after=lambda scale: scale / 2, each=False, by_loss=False, late=False, clip=True,
            stepped=False, norm=lambda max_norm, scale: max_norm, zeroed=None, cleared=True, fine=_is_finite):
    """A scaled step with one mistake."""

    def scaled_step(model, inputs, labels, loss, optimizer, scale, max_norm):
        if cleared:
            optimizer.zero_grad()
        value = loss(model(inputs), labels) * scale
        value.backward()
        parameters = list(model.parameters())

        def shorten():
            for group in [[p] for p in parameters] if each else [parameters]:
                nn.utils.clip_grad_norm_(group, norm(max_norm, scale))

        if guarded and not fine([value] if by_loss else [parameter.grad for parameter in parameters]):
            if zeroed:
                for parameter in parameters:
                    zeroed(parameter.grad)
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
    misconceptions=(
        Misconception("clipped before unscaling", "The gradients are clipped while they are still as large as the scale, and all but vanish afterwards.",
                      "How long is the gradient after your last division?", _answer(clip_first=True)),
        Misconception("the gradients are not unscaled", "The loss was multiplied, and the gradient with it.",
                      "How much longer is the gradient than without a scale?", _answer(unscaled=False)),
        Misconception("a step in spite of an overflow", "One infinite gradient makes every weight nan, for good.",
                      "What becomes of a weight when an infinite number is subtracted?", _answer(guarded=False)),
        Misconception("infinite gradients are set to 0", "The other numbers of that gradient are as unreliable, and the step should not be taken.",
                      "Should the weights move at all?", _answer(zeroed=lambda gradient: gradient.nan_to_num_(0.0, 0.0, 0.0))),
        Misconception("a step with gradients of 0", "Gradients of 0 look like no step. To weight decay and to momentum they are one.",
                      "What does AdamW do to a weight whose gradient is 0?", _answer(zeroed=lambda gradient: gradient.zero_())),
        Misconception("gradients from before are in the step", "Torch adds each new gradient to what is in `.grad`; after an overflow that is infinite.",
                      "What does `.grad` hold when your function begins?", _answer(cleared=False)),
        Misconception("nan is not seen", "Infinity is what an overflow gives at first; what is made of infinities is nan.",
                      "Is nan infinite? Is it larger than any bound?",
                      _answer(fine=lambda gradients: not any(torch.isinf(gradient).any() for gradient in gradients))),
        Misconception("an infinity is not seen", "nan is what a broken run shows at last; it begins with an infinity.",
                      "Is infinity nan?", _answer(fine=lambda gradients: not any(torch.isnan(gradient).any() for gradient in gradients))),
        Misconception("one parameter's gradient is looked at", "Where one overflows, others often do as well, but not always.",
                      "Which parameters could hold the only infinite number?", _answer(fine=lambda gradients: _is_finite(gradients[:1]))),
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

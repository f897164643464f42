"""Exercise 04.adamw: one step of AdamW for one tensor."""

import numpy as np
import torch

from tlkit.exercises.record import Case, Exercise, Misconception

_B1, _B2, _EPS = 0.9, 0.999, 1e-8
LATE = 50_000
"""By then both bias corrections are 1 to within rounding."""


def _adamw_cases(rng: np.random.Generator) -> list[Case]:
    def drawn(*shape, size=1.0):
        return torch.tensor(np.round(rng.normal(size=shape), 2) * size)

    def call(shape, step, decay=0.0, rate=0.1, fresh=False, size=1.0):
        gradient = drawn(*shape, size=size)
        first, second = (torch.zeros_like(gradient),) * 2 if fresh else (drawn(*shape, size=size), (drawn(*shape, size=size)) ** 2 + 0.1 * size**2)
        return ((drawn(*shape), gradient, first.clone(), second.clone(), step, rate, decay),)

    n = int(rng.integers(3, 6))
    return [
        Case("the first step", "two numbers", call((2,), 1, fresh=True)),
        Case("the first step", "a table", call((2, n), 1, fresh=True, rate=0.03)),
        Case("the steps after it", "the second step", call((2,), 2)),
        Case("the steps after it", "the tenth step", call((n,), 10, rate=0.03)),
        Case("long after the start", f"step {LATE}", call((2,), LATE)),
        Case("long after the start", "a table", call((n, 2), LATE, rate=0.03)),
        Case("weight decay", "two numbers", call((2,), LATE, decay=0.5)),
        Case("weight decay", "a table", call((2, n), LATE, decay=0.2, rate=0.3)),
        Case("next to no gradient", "gradients near 1e-8", call((3,), LATE, size=1e-8)),
    ]


def _answer(coupled=False, correct=(True, True), shift=0, decay_times=lambda rate: rate, after=False, inside=False, root=True, kept_raw=True,
            of_first=False, sign=1, betas=(_B1, _B2), shares=True, squared=True, eps=_EPS, decayed=True, grown=False, product=False):
    """A step with one mistake."""

    def adamw_step(weight, gradient, first, second, step, learning_rate, decay):
        b1, b2 = betas
        if coupled:
            gradient = gradient + decay * weight
        first = b1 * first + ((1 - b1) if shares else 1) * gradient
        second = b2 * second + ((1 - b2) if shares else 1) * ((first if of_first else gradient) ** 2 if squared else gradient.abs())
        t = step + shift
        power = (lambda b: b * t) if product else (lambda b: b**t)
        mean = first / (1 - power(b1)) if correct[0] else first
        square = second / (1 - power(b2)) if correct[1] else second
        below = torch.sqrt(square + eps) if inside else (torch.sqrt(square) if root else square) + eps
        move = learning_rate * mean / below
        shrink = 0 if coupled or not decayed else decay_times(learning_rate) * decay
        shrink = -shrink if grown else shrink
        new = (weight - sign * move) * (1 - shrink) if after else weight * (1 - shrink) - sign * move
        return (new, first, second) if kept_raw else (new, mean, square)

    return adamw_step


def _weight_alone(*given):
    return _answer()(*given)[0]


ADAMW = Exercise(
    id="04.adamw",
    title="one step of AdamW",
    name="adamw_step",
    parameters=("weight", "gradient", "first", "second", "step", "learning_rate", "decay"),
    points=5,
    minutes=12,
    difficulty="medium",
    reference="tlkit.adamw:adamw_step",
    cases=_adamw_cases,
    rtol=1e-6,
    atol=1e-9,
    hint="Two running means, each divided by what it still lacks; then the weight moves, and shrinks, by two separate terms.",
    shortcuts=("torch.optim:AdamW", "torch.optim:Adam"),
    misconceptions=(
        Misconception("the decay is part of the gradient", "A penalty on the squared weights has this gradient; AdamW was made because dividing by the root "
                      "of `second` spoils it.", "By what is the decay divided in your version?", _answer(coupled=True)),
        Misconception("no bias correction", "Without it the formula is shorter, and late in training it is right.",
                      "What share of a full mean does `first` hold after one step from zero?", _answer(correct=(False, False))),
        Misconception("the first mean alone is corrected", "Both start at zero, and both are short of a full mean at first.",
                      "What does `second` hold after one step from zero?", _answer(correct=(True, False))),
        Misconception("the second mean alone is corrected", "Both start at zero, and both are short of a full mean at first.",
                      "What does `first` hold after one step from zero?", _answer(correct=(False, True))),
        Misconception("steps are counted from 0", "Loops count from 0, but one gradient has gone in by the first correction.",
                      "What is `step` at the first step?", _answer(shift=1)),
        Misconception("a product for a power", "After t steps each factor came in t times.", "How much of the first gradient is left after two steps?",
                      _answer(product=True)),
        Misconception("the decay is not multiplied by the learning rate", "The formula of the paper has no learning rate there; torch's and this one do.",
                      "Which factor do both moves share?", _answer(decay_times=lambda rate: 1.0)),
        Misconception("the moved weight is decayed", "Moving first and shrinking then looks like the same two things.",
                      "Of which weight is a share taken away?", _answer(after=True)),
        Misconception("there is no decay", "Adam has none; the W stands for it.", "What does `decay` do to the weight?", _answer(decayed=False)),
        Misconception("the decay makes weights grow", "A sign, in a formula with three terms.", "Towards which number should decay pull?",
                      _answer(grown=True)),
        Misconception("epsilon stands under the root", "Some optimisers have it there.", "What is the root of 1e-8?", _answer(inside=True)),
        Misconception("epsilon is left out", "It is too small to matter, until a gradient is.", "Which size has the root when the gradient is 1e-8?",
                      _answer(eps=0.0)),
        Misconception("divided by the square, not by its root", "In which unit is the quotient then?", "In which unit is a step: gradient, or none?",
                      _answer(root=False)),
        Misconception("the corrected means are carried on", "They are the better means; but the correction is made anew at every step, from the raw ones.",
                      "What does the next step start from?", _answer(kept_raw=False)),
        Misconception("the square of the running mean", "A mean of squares and the square of a mean differ by the spread.",
                      "What is squared: this gradient, or the mean?", _answer(of_first=True)),
        Misconception("the gradient is not squared", "`second` averages squares, so that its root has the gradient's unit.",
                      "What does `second` average?", _answer(squared=False)),
        Misconception("up instead of down", "The sign is easy to lose among three terms.", "Does the loss fall along the gradient or against it?", _answer(sign=-1)),
        Misconception("the betas are swapped", "Both are close to 1.", "Which of the two means has the longer memory?", _answer(betas=(_B2, _B1))),
        Misconception("the new gradient comes in whole", "Momentum in SGD adds it whole; here it is a mean.",
                      "With which weights do old mean and new gradient come together?", _answer(shares=False)),
        Misconception("the weight alone is returned", "It is what one is after; but the next step needs the means.", "Which three tensors should come back?",
                      _weight_alone),
    ),
)

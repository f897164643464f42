"""Exercise 02.huber (optional): a loss for numbers that does not chase outliers."""

import numpy as np
import torch

from tlkit.exercises.record import Case, Exercise, Misconception


def _huber_cases(rng: np.random.Generator) -> list[Case]:
    def call(outputs, targets, delta, gradient=False):
        return torch.tensor(np.array(outputs, float), requires_grad=gradient), torch.tensor(np.array(targets, float)), float(delta)

    def near(n):
        return np.round(rng.uniform(0.1, 0.9, n) * rng.choice([-1, 1], n), 2)

    n, delta = int(rng.integers(4, 8)), round(rng.uniform(2, 3), 1)
    start = np.round(rng.normal(5, 3, n), 1)
    far = np.round((delta + rng.uniform(1, 20, n)) * rng.choice([-1, 1], n), 1)
    both = np.where(np.arange(n) % 2, far, near(n))
    return [
        Case("small errors", "one number", (call([2.0], [1.5], 1),)),
        Case("small errors", "several numbers, above and below", (call(start + near(n), start, 1),)),
        Case("small errors", "another delta", (call(start + near(n), start, delta),)),
        Case("large errors", "one number too high", (call([4.0], [1.0], 1),)),
        Case("large errors", "one number too low", (call([-4.0], [1.0], 2),)),
        Case("large errors", "several numbers", (call(start + far, start, delta),)),
        Case("small and large errors", "both in one batch", (call(start + both, start, delta),)),
        Case("small and large errors", "a small delta", (call(start + 0.6 * np.sign(both), start, 0.5),)),
        Case("a gradient flows back", "the outputs want their gradient", (call(start + both, start, delta, gradient=True),), upstream=round(rng.uniform(2, 3), 1)),
    ]


def _huber(outputs, targets, delta, small=lambda r, d: r**2 / 2, large=lambda r, d: d * (r.abs() - d / 2), edge=lambda d: d):
    r = outputs - targets
    return torch.where(r.abs() <= edge(delta), small(r, delta), large(r, delta)).mean()


def _answer(**changes):
    def huber(outputs, targets, delta):
        return _huber(outputs, targets, delta, **changes)

    return huber


def _huber_squared(outputs, targets, delta):
    return ((outputs - targets) ** 2 / 2).mean()


def _huber_absolute(outputs, targets, delta):
    return (outputs - targets).abs().mean()


def _huber_clipped(outputs, targets, delta):
    return ((outputs - targets).clamp(-delta, delta) ** 2 / 2).mean()


def _huber_sum(outputs, targets, delta):
    return _huber(outputs, targets, delta) * len(targets)


def _huber_signed(outputs, targets, delta):
    r = outputs - targets
    return torch.where(r <= delta, r**2 / 2, delta * (r - delta / 2)).mean()


def _huber_mean_decides(outputs, targets, delta):
    r = outputs - targets
    return (r**2 / 2).mean() if r.abs().mean() <= delta else (delta * (r.abs() - delta / 2)).mean()


HUBER = Exercise(
    id="02.huber",
    title="a parabola, then a line",
    name="huber_loss",
    parameters=("outputs", "targets", "delta"),
    points=2,
    minutes=6,
    difficulty="easy",
    reference="tlkit.heads:huber",
    cases=_huber_cases,
    shortcuts=("torch.nn.functional:huber_loss", "torch.nn.functional:smooth_l1_loss", "torch.nn:HuberLoss", "torch.nn:SmoothL1Loss",
               "torch:huber_loss", "tlkit.heads:Huber"),
    hint="Compute both pieces for all errors, and choose between them entry by entry.",
    equivalent_mutants={
        "return F.huber_loss(outputs, targets, delta=delta)": "what is left out is what torch takes by itself",
        "return F.huber_loss(targets, outputs, reduction=reduction, delta=delta)": "the loss is the same from both sides, and so is its gradient by the outputs",
    },
    misconceptions=(
        Misconception("the parabola without its half", "A squared error has no half.", "Which slope has the parabola where the line begins?",
                      _answer(small=lambda r, d: r**2)),
        Misconception("the line starts too high", "delta |r| does not meet the parabola at delta.", "What do both pieces give at |r| = delta?",
                      _answer(large=lambda r, d: d * r.abs())),
        Misconception("the line has slope 1", "|r| - delta / 2 is right for a delta of 1.", "Which slope has the parabola at delta?",
                      _answer(large=lambda r, d: r.abs() - d / 2)),
        Misconception("the parabola is divided by delta", "That is smooth L1, a cousin: this loss by delta.", "Which of the two does the formula give?",
                      _answer(small=lambda r, d: r**2 / (2 * d), large=lambda r, d: r.abs() - d / 2)),
        Misconception("the pieces meet at 1", "delta is 1 by default.", "Where does the line begin?", _answer(edge=lambda d: 1.0)),
        Misconception("a squared error", "Near 0 they are the same.", "How large is the gradient of an outlier?", _huber_squared),
        Misconception("an absolute error", "Far out they differ by a constant.", "Which slope has the loss at 0?", _huber_absolute),
        Misconception("large errors are cut off", "The loss stays bounded, and an outlier is not learned from at all.",
                      "Which slope has the loss beyond delta?", _huber_clipped),
        Misconception("errors below 0 are never large", "The sign of r was forgotten in the comparison.", "On which side of the target is r negative?",
                      _huber_signed),
        Misconception("one piece for the whole batch", "An `if` chooses once.", "Which of torch's functions chooses entry by entry?", _huber_mean_decides),
        Misconception("a sum where a mean is due", "The loss of one number is right.", "How much does one number count in a mean?", _huber_sum),
    ),
)

"""Exercise 03.numerical: a gradient from central differences."""

import numpy as np
import torch

from tlkit.exercises.gradients.softmax import _AUTOGRAD
from tlkit.exercises.recipe import loss
from tlkit.exercises.record import Case, Exercise, Misconception


def _numerical_cases(rng: np.random.Generator) -> list[Case]:
    def numbers(*shape):
        return torch.tensor(np.round(rng.normal(size=shape) * 2, 2))

    def wanted(*shape):
        return torch.tensor(np.round(rng.uniform(0.1, 0.9, shape), 2))

    def whole(below, count):
        return torch.tensor(rng.integers(0, below, count))

    rows, columns, step = int(rng.integers(4, 6)), int(rng.integers(2, 4)), float(rng.choice([0.1, 0.2, 0.5]))
    touching, with_zero = numbers(4), numbers(5)
    with_zero[2] = 0.0
    corner = touching.clone()
    corner[1] += 3
    corner[2] -= 0.05
    bce, entropy = (loss(name, name="f") for name in ("binary_cross_entropy_with_logits", "cross_entropy"))
    square, absolute = (loss(name, name="f") for name in ("mse_loss", "l1_loss"))
    return [
        Case("a row of numbers", "two numbers, mean squared error", ((square, numbers(2), numbers(2), step),)),
        Case("a row of numbers", "five numbers, one of them 0, binary cross-entropy", ((bce, with_zero, wanted(5), 0.001),)),
        Case("both sides, and the step", "a large step on a curved function", ((bce, numbers(3), wanted(3), 1.0),)),
        Case("both sides, and the step", "a larger one", ((bce, numbers(4), wanted(4), 1.5),)),
        Case("a kink", "points on a kink and near to one, absolute error", ((absolute, touching, corner, 0.1),)),
        Case("any shape", "a table, cross-entropy with labels", ((entropy, numbers(rows, columns), whole(columns, rows), step),)),
        Case("any shape", "a table, binary cross-entropy", ((bce, numbers(3, 4), wanted(3, 4), 0.3),)),
        Case("any shape", "a single number without an axis", ((bce, numbers(), wanted(), 0.7),)),
        Case("any shape", "three axes", ((bce, numbers(2, 3, 2), wanted(2, 3, 2), 0.4),)),
    ]


def _differences(f, x, y, step, ends, divisor):
    gradient = torch.zeros_like(x).flatten()
    for i in range(x.numel()):
        values = []
        for end in ends:
            moved = x.clone().flatten()
            moved[i] += end * step
            values.append(f(moved.view(x.shape), y))
        gradient[i] = (values[0] - values[1]) / divisor(step)
    return gradient.view(x.shape)


def _right(f, x, y, step):
    return _differences(f, x, y, step, (1, -1), lambda h: 2 * h)


def _numerical_forward(f, x, y, step):
    return _differences(f, x, y, step, (1, 0), lambda h: h)


def _numerical_backward(f, x, y, step):
    return _differences(f, x, y, step, (0, -1), lambda h: h)


def _numerical_once(f, x, y, step):
    return _differences(f, x, y, step, (1, -1), lambda h: h)


def _numerical_half_step(f, x, y, step):
    return _differences(f, x, y, step, (0.5, -0.5), lambda h: h)


def _numerical_undivided(f, x, y, step):
    return _differences(f, x, y, step, (1, -1), lambda h: 1)


def _numerical_own_step(f, x, y, step):
    return _right(f, x, y, 1e-6)


def _numerical_flipped(f, x, y, step):
    return -_right(f, x, y, step)


def _numerical_never_put_back(f, x, y, step):
    moved, gradient = x.clone().flatten(), torch.zeros_like(x).flatten()
    for i in range(x.numel()):
        moved[i] += step
        above = f(moved.view(x.shape), y)
        moved[i] -= 2 * step
        gradient[i] = (above - f(moved.view(x.shape), y)) / (2 * step)
    return gradient.view(x.shape)


def _numerical_in_place(f, x, y, step):
    gradient = torch.zeros_like(x)
    for i in range(x.numel()):
        x.view(-1)[i] += step
        above = f(x, y)
        x.view(-1)[i] -= 2 * step
        gradient.view(-1)[i] = (above - f(x, y)) / (2 * step)
    return gradient


def _numerical_alias(f, x, y, step):
    gradient = torch.zeros_like(x)
    for i in range(x.numel()):
        up, down, up_again = x, x, x.clone()
        up_again.view(-1)[i] += step
        down = up_again
        down.view(-1)[i] -= step
        gradient.view(-1)[i] = (f(up_again, y) - f(down, y)) / (2 * step)
    return gradient


def _numerical_moves_pile_up(f, x, y, step):
    up, down, gradient = x.clone().flatten(), x.clone().flatten(), torch.zeros_like(x).flatten()
    for i in range(x.numel()):
        up[i] += step
        down[i] -= step
        gradient[i] = (f(up.view(x.shape), y) - f(down.view(x.shape), y)) / (2 * step)
    return gradient.view(x.shape)


def _numerical_times_the_step(f, x, y, step):
    return _differences(f, x, y, step, (1, -1), lambda h: 2 / h)


def _numerical_all_at_once(f, x, y, step):
    return torch.full_like(x, float((f(x + step, y) - f(x - step, y)) / (2 * step)))


def _numerical_rows(f, x, y, step):
    gradient = torch.zeros_like(x)
    for i in range(len(x) if x.ndim else 0):
        move = torch.zeros_like(x)
        move[i] = step
        gradient[i] = (f(x + move, y) - f(x - move, y)) / (2 * step)
    return gradient if x.ndim else _right(f, x, y, step)


def _numerical_flat(f, x, y, step):
    return _right(f, x, y, step).flatten()


def _numerical_relative(f, x, y, step):
    gradient = torch.zeros_like(x).flatten()
    for i in range(x.numel()):
        h = step * float(x.flatten()[i])
        up, down = x.clone().flatten(), x.clone().flatten()
        up[i] += h
        down[i] -= h
        gradient[i] = (f(up.view(x.shape), y) - f(down.view(x.shape), y)) / (2 * h) if h else 0.0
    return gradient.view(x.shape)


NUMERICAL = Exercise(
    id="03.numerical",
    title="a gradient by trying",
    name="numerical_gradient",
    parameters=("f", "x", "y", "step"),
    points=4,
    minutes=10,
    difficulty="medium",
    reference="tlkit.gradients.numeric:numerical_gradient",
    cases=_numerical_cases,
    shortcuts=(*_AUTOGRAD, "tlkit.gradients.checking:gradient_check", "tlkit.gradients.numeric:differences"),
    equivalent_mutants={"dropped: with torch.no_grad():": "no tensor of these cases requires a gradient"},
    hint="Move one entry of a copy of x up, then of another copy down, and divide by the distance of the two.",
    misconceptions=(
        Misconception("one-sided: forward", "f(x + h) - f(x) is how the derivative is defined, but at a finite step it leans to one side.",
                      "Which two points lie at equal distance from x?", _numerical_forward),
        Misconception("one-sided: backward", "It is a difference quotient, but it leans to one side.",
                      "Which two points lie at equal distance from x?", _numerical_backward),
        Misconception("divided by the step, not by twice the step", "The step is what one puts in; the two ends lie further apart.",
                      "How far apart are x + h and x - h?", _numerical_once),
        Misconception("half a step to each side", "Then the two ends lie one step apart, and it is a central difference too; here each moves by the whole step.",
                      "Compare with the formula: where do its two points lie?", _numerical_half_step),
        Misconception("not divided at all", "The difference of the two values is there, but not yet per unit.",
                      "What should happen to the result when the step is halved?", _numerical_undivided),
        Misconception("multiplied by the step", "`/ 2 * step` divides by 2 and then multiplies; without brackets only the 2 stands below the fraction bar.",
                      "In which order does Python work out `a / b * c`?", _numerical_times_the_step),
        Misconception("`step` is not used", "A fixed small step is a good one, but the caller asked for another.",
                      "Call it with two steps on a curved function.", _numerical_own_step),
        Misconception("down minus up", "The order of the two ends decides the sign.", "Which of the two values is larger where f rises?",
                      _numerical_flipped),
        Misconception("an entry is not put back", "The next entry is then tried at another point.",
                      "Start each entry from a fresh copy of x.", _numerical_never_put_back),
        Misconception("x is moved and not put back", "x belongs to the caller, and the next entry is tried at another point.",
                      "Start each entry from a fresh copy of x.", _numerical_in_place),
        Misconception("the moves pile up", "Both copies were made once, so all earlier entries are still moved when the next one is tried.",
                      "Start each entry from a fresh copy of x.", _numerical_moves_pile_up),
        Misconception("both ends are the same tensor", "`down = up` gives one tensor a second name; it is not a copy.",
                      "What does `clone()` do?", _numerical_alias),
        Misconception("all entries are moved at once", "That is the slope along one direction, the diagonal.",
                      "Which entries of x may move for entry i of the gradient?", _numerical_all_at_once),
        Misconception("whole rows are moved", "`x[i]` of a table is a row.", "How many numbers does a table of 2 by 3 have?", _numerical_rows),
        Misconception("the shape is lost", "A flat list of slopes is easy to fill, but it should look like x.",
                      "Which shape should a gradient have?", _numerical_flat),
        Misconception("a step relative to each entry", "Libraries scale the step by the entry's size; here the step is the step.",
                      "What is the step where x is 0?", _numerical_relative),
    ),
)

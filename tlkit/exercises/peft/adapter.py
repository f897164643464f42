"""Exercise 09.adapter: a bottleneck behind a layer."""

import copy

import numpy as np
import torch
from torch import nn

from tlkit.exercises.peft.drawn import BASE, facts_of_drawn, numbers
from tlkit.exercises.recipe import backward, construct, forward, layer, mode, set_state, state, trains
from tlkit.exercises.record import Case, Exercise, Misconception


def _adapter_cases(rng: np.random.Generator) -> list[Case]:
    def base(inputs, outputs):
        return layer("linear", inputs, outputs, seed=int(rng.integers(1000)))

    def steps(shape, size, bottleneck, *more, before=()):
        weights = {"down__weight": numbers(rng, bottleneck, size), "down__bias": numbers(rng, bottleneck),
                   "up__weight": numbers(rng, size, bottleneck), "up__bias": numbers(rng, size)}
        return (construct(base(shape[-1], size), size, bottleneck), set_state(**weights), *before, forward(numbers(rng, *shape)), *more)

    wide = int(rng.integers(6, 9))
    return [
        Case("the output", "a batch of two", (steps((2, 3), 4, 2),)),
        Case("the output", "a wider bottleneck, in evaluation mode", (steps((4, 2), 3, wide, before=(mode(False),)),)),
        Case("the output", "a single vector", (steps((3,), 4, 2),)),
        Case("the output", "a sequence: three axes", (steps((2, 3, 4), 5, 3),)),
        Case("it starts as the base", "before any training", ((construct(base(3, 4), 4, 2), forward(numbers(rng, 3, 3))),)),
        Case("it starts as the base", "the parameters at the start", ((construct(base(3, 5), 5, 3), forward(numbers(rng, 2, 3)), state()),)),
        Case("it starts as the base", "`self.base` is the layer that was given", ((construct(base(4, 2), 2, 3), BASE),)),
        Case("what learns", "gradients while the upper layer is still zero",
             ((construct(base(3, 4), 4, 2), set_state(down__weight=np.abs(numbers(rng, 2, 4)), down__bias=np.array([9.0, 11.0])), forward(numbers(rng, 3, 3)), backward(numbers(rng, 3, 4))),)),
        Case("what learns", "both layers, and not the base", ((construct(base(2, 4), 4, 3), trains()),)),
        Case("what learns", "gradients of all of them and of the input", (steps((3, 4), 2, wide, trains(), backward(numbers(rng, 3, 2))),)),
    ]


class _Right(nn.Module):
    """A right answer, of which each misconception changes one thing."""

    def __init__(self, base, size, bottleneck):
        super().__init__()
        self.base = base
        self.down, self.up = self.layers(size, bottleneck)
        self.start()

    def layers(self, size, bottleneck):
        return nn.Linear(size, bottleneck), nn.Linear(bottleneck, size)

    def start(self):
        nn.init.zeros_(self.up.weight)
        nn.init.zeros_(self.up.bias)

    def forward(self, x):
        y = self.base(x)
        return y + self.up(torch.relu(self.down(y)))


def _said(forward):
    class Said(_Right):
        pass

    Said.forward = forward
    return Said


class _RandomStart(_Right):
    def start(self):
        pass


class _BiasRandom(_Right):
    def start(self):
        nn.init.zeros_(self.up.weight)


class _WeightRandom(_Right):
    def start(self):
        nn.init.zeros_(self.up.bias)


class _BothZero(_Right):
    def start(self):
        super().start()
        nn.init.zeros_(self.down.weight)
        nn.init.zeros_(self.down.bias)


class _DownZero(_Right):
    def start(self):
        nn.init.zeros_(self.down.weight)
        nn.init.zeros_(self.down.bias)
        nn.init.zeros_(self.up.bias)


class _BaseLearns(_Right):
    def __init__(self, base, size, bottleneck):
        super().__init__(base, size, bottleneck)
        base.requires_grad_(True)


class _CopiedBase(_Right):
    def __init__(self, base, size, bottleneck):
        super().__init__(copy.deepcopy(base), size, bottleneck)


class _NoBiases(_Right):
    def layers(self, size, bottleneck):
        return nn.Linear(size, bottleneck, bias=False), nn.Linear(bottleneck, size)


class _OneLayer(_Right):
    def layers(self, size, bottleneck):
        return nn.Linear(size, bottleneck), nn.Linear(bottleneck, size).requires_grad_(False)


def _without_gradient(self, x):
    with torch.no_grad():
        y = self.base(x)
    return y + self.up(torch.relu(self.down(y)))


def _detached(self, x):
    y = self.base(x)
    return y + self.up(torch.relu(self.down(y.detach())))


ADAPTER = Exercise(
    id="09.adapter",
    title="a bottleneck behind a layer",
    name="Adapter",
    kind="class",
    parameters=("base", "size", "bottleneck"),
    points=2,
    minutes=8,
    difficulty="medium",
    reference="tlkit.peft.adapters:Adapter",
    cases=_adapter_cases,
    view=facts_of_drawn("down.weight", "down.bias"),
    rtol=1e-5,
    atol=1e-6,
    hint="Call the base first. Everything else is computed from what it gave, and added to it.",
    equivalent_mutants={
        **dict.fromkeys(("self.down = nn.Linear(size, bottleneck)", "self.up = nn.Linear(bottleneck, size)"), "here everything is on one device, of one type"),
        "y = self.base(*inputs)": "here no input has a name",
        **dict.fromkeys(("return y + self.up(torch.relu(self.down(y.movedim(self.axis, -1)))).movedim(self.axis, -1)",
                         "return y + self.up(torch.relu(self.down(y.movedim(-1, self.axis)))).movedim(-1, self.axis)"), "here the features stand in the last axis"),
    },
    misconceptions=(
        Misconception("nothing is added to the base's output", "Then at the start, with zeros above, the layer says nothing at all.",
                      "What should the layer give before its first step of training?", _said(lambda self, x: self.up(torch.relu(self.down(self.base(x)))))),
        Misconception("the adapter is left out", "The layer gives what the base gives, whatever its lower and upper layer hold.",
                      "What does the output depend on besides the base?",
                      _said(lambda self, x: self.base(x))),
        Misconception("the adapter counts in training mode alone", "Dropout is like that. An adapter is a part of the layer, and answers need it as much.",
                      "Where does the formula ask for the mode?", _said(lambda self, x: (y := self.base(x)) + (self.up(torch.relu(self.down(y))) if self.training else 0.0))),
        Misconception("while the upper layer is zero the adapter is not computed", "The numbers are right, but no gradient reaches it: it stays zero for ever.",
                      "What is the gradient of the upper layer at the first step?",
                      _said(lambda self, x: (y := self.base(x)) + (self.up(torch.relu(self.down(y))) if any(p.any() for p in self.up.parameters()) else 0.0))),
        Misconception("the upper bias is left out of the output", "It is there and learns nothing.", "Which biases does the formula have?",
                      _said(lambda self, x: (y := self.base(x)) + torch.relu(self.down(y)) @ self.up.weight.T)),
        Misconception("the lower bias is left out of the output", "It is there and learns nothing.", "Which biases does the formula have?",
                      _said(lambda self, x: (y := self.base(x)) + self.up(torch.relu(y @ self.down.weight.T)))),
        Misconception("silu in place of relu", "The papers have several nonlinearities; the exercise names one.", "Which function stands in the formula?",
                      _said(lambda self, x: (y := self.base(x)) + self.up(torch.nn.functional.silu(self.down(y))))),
        Misconception("a copy of the base is kept", "Whoever gave the layer still holds it, and sees nothing of what happens to the copy; and it takes twice the memory.",
                      "Which object should `self.base` be?", _CopiedBase),
        Misconception("no nonlinearity", "Then both layers are one matrix, as in LoRA; an adapter can do more, and cannot be merged.",
                      "What stands between W_up and W_down in the formula?", _said(lambda self, x: (y := self.base(x)) + self.up(self.down(y)))),
        Misconception("relu behind the upper layer", "Then the adapter can only add, never take away.", "What stands between W_up and W_down in the formula?",
                      _said(lambda self, x: (y := self.base(x)) + torch.relu(self.up(self.down(y))))),
        Misconception("relu around everything", "The base's own output is cut off at 0 too.", "Which part of the formula is inside of relu?",
                      _said(lambda self, x: torch.relu((y := self.base(x)) + self.up(self.down(y))))),
        Misconception("relu before the lower layer", "Then the adapter sees the positive part of what the base gives, and is linear in it.",
                      "What does relu act on in the formula?", _said(lambda self, x: (y := self.base(x)) + self.up(self.down(torch.relu(y))))),
        Misconception("relu of the base's output is what is added to", "What the base gives stays as it is; negative numbers too.", "What does relu act on in the formula?",
                      _said(lambda self, x: torch.relu(y := self.base(x)) + self.up(torch.relu(self.down(y))))),
        Misconception("a leaky relu in place of relu", "The papers have several nonlinearities; the exercise names one.", "What is relu of a negative number?",
                      _said(lambda self, x: (y := self.base(x)) + self.up(torch.nn.functional.leaky_relu(self.down(y))))),
        Misconception("another nonlinearity", "The papers have several; the exercise names one.", "Which function stands in the formula?",
                      _said(lambda self, x: (y := self.base(x)) + self.up(torch.nn.functional.gelu(self.down(y))))),
        Misconception("a tanh in place of relu", "The papers have several; the exercise names one.", "Which function stands in the formula?",
                      _said(lambda self, x: (y := self.base(x)) + self.up(torch.tanh(self.down(y))))),
        Misconception("the base is called twice", "The second time on its own output, or on something else than x.", "How often does W stand in the formula?",
                      _said(lambda self, x: self.base(x) + self.base(x) + self.up(torch.relu(self.down(self.base(x)))))),
        Misconception("subtracted", "Training would find the other sign, but files are read by others.", "Which sign has the adapter in the formula?",
                      _said(lambda self, x: (y := self.base(x)) - self.up(torch.relu(self.down(y))))),
        Misconception("the upper layer starts at random", "As torch draws it; but something good is there already, and every adapter of every layer disturbs it.",
                      "What should the layer give before its first step of training?", _RandomStart),
        Misconception("the upper bias starts at random", "`nn.Linear` draws its bias as well.", "What is up(0) for a bias that is not zero?", _BiasRandom),
        Misconception("the upper weight starts at random", "Only the bias was set to zero.", "What does the adapter add at the start?", _WeightRandom),
        Misconception("both layers start at zero", "The gradient of the upper weight goes through what the lower layer gives, and the other way round: all but the upper bias is stuck.",
                      "Which of the two layers may be zero, and what must the other be?", _BothZero),
        Misconception("the lower layer starts at zero, and the upper does not", "It starts as the base as well; but where relu's input is 0, torch passes no gradient, and nothing below it moves.",
                      "Which of the two layers starts at zero in the exercise's text?", _DownZero),
        Misconception("the base learns too", "The base came frozen.", "Which parameters does the exercise want to train?", _BaseLearns),
        Misconception("the upper layer does not learn", "It is zero, and stays it.", "Which parameters does the exercise want to train?", _OneLayer),
        Misconception("no lower bias", "It decides where relu begins to pass.", "Which biases does the formula have?", _NoBiases),
        Misconception("no gradient passes the base", "Frozen does not mean closed: what lies below learns through it (unit 03).",
                      "Through which two ways does the input reach the output?",
                      _said(_without_gradient)),
        Misconception("no gradient passes the adapter to the input", "What lies below learns through both ways.", "Through which two ways does the input reach the output?",
                      _said(_detached)),
    ),
)

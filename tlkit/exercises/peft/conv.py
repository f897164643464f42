"""Exercise 09.conv: a low-rank update of a convolution."""

import copy

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from tlkit.exercises.peft.drawn import BASE, facts_of_drawn, numbers
from tlkit.exercises.recipe import attribute, backward, construct, forward, layer, mode, set_state
from tlkit.exercises.record import Case, Exercise, Misconception


def _conv_cases(rng: np.random.Generator) -> list[Case]:
    def base(inputs, outputs, kernel, **settings):
        return layer("conv2d", inputs, outputs, kernel, seed=int(rng.integers(1000)), **settings)

    def steps(shape, outputs, kernel, rank, alpha, *more, before=(), **settings):
        weights = {"down": numbers(rng, rank, shape[1], kernel, kernel), "up": numbers(rng, outputs, rank)}
        return (construct(base(shape[1], outputs, kernel, **settings), rank, alpha), set_state(**weights), *before, forward(numbers(rng, *shape)), *more)

    alpha = float(rng.integers(5, 9))
    plain, settings = "the output", "stride, padding, dilation"
    return [
        Case(plain, "a kernel of 1 x 1", (steps((1, 2, 2, 3), 3, 1, 1, 1.0),)),
        Case(plain, "a kernel of 3 x 3, alpha is not the rank", (steps((2, 3, 4, 5), 4, 3, 2, alpha),)),
        Case(plain, "in evaluation mode", (steps((1, 2, 3, 4), 3, 3, 2, 2.0, before=(mode(False),)),)),
        Case(settings, "stride 2", (steps((2, 2, 6, 5), 3, 3, 2, 2.0, stride=2),)),
        Case(settings, "padding 1", (steps((1, 3, 3, 4), 2, 3, 2, 2.0, padding=1),)),
        Case(settings, "dilation 2", (steps((1, 2, 5, 6), 3, 3, 2, 2.0, dilation=2),)),
        Case(settings, "stride 2 downwards and 1 across", (steps((1, 2, 6, 4), 3, 3, 2, 2.0, stride=(2, 1)),)),
        Case(settings, "padding 1 downwards and 2 across", (steps((1, 2, 3, 4), 3, 3, 2, 2.0, padding=(1, 2)),)),
        Case(settings, "dilation 1 downwards and 2 across", (steps((1, 2, 4, 6), 3, 3, 2, 2.0, dilation=(1, 2)),)),
        Case(settings, "all of them", (steps((2, 2, 7, 8), 4, 3, 3, alpha, stride=2, padding=2, dilation=2),)),
        Case("it starts as the base", "A and B at the start",
             ((construct(base(2, 4, 3), 3, alpha), attribute("down"), attribute("up"), forward(numbers(rng, 1, 2, 4, 4))),)),
        Case("it starts as the base", "`self.base` is the layer that was given", ((construct(base(2, 3, 3), 2, alpha), BASE),)),
        Case("gradients", "while B is still zero",
             ((construct(base(2, 3, 3), 2, alpha), set_state(down=numbers(rng, 2, 2, 3, 3)), forward(numbers(rng, 1, 2, 3, 4)), backward(numbers(rng, 1, 3, 1, 2))),)),
        Case("gradients", "of A, B and the input", (steps((2, 2, 4, 4), 3, 3, 2, 2.0, backward(numbers(rng, 2, 3, 2, 2))),)),
    ]


class _Right(nn.Module):
    """A right answer, of which each misconception changes one thing."""

    def __init__(self, base, rank, alpha):
        super().__init__()
        self.base, self.rank, self.alpha = base, rank, alpha
        self.start(base.weight.shape)

    def start(self, shape):
        self.down = nn.Parameter(0.1 * torch.randn(self.rank, *shape[1:]))
        self.up = nn.Parameter(torch.zeros(shape[0], self.rank))

    def scale(self):
        return self.alpha / self.rank

    def narrow(self, x):
        return F.conv2d(x, self.down, None, self.base.stride, self.base.padding, self.base.dilation)

    def update(self, x):
        return self.scale() * F.conv2d(self.narrow(x), self.up[:, :, None, None])

    def forward(self, x):
        return self.base(x) + self.update(x)


def _with(**methods):
    return type("Changed", (_Right,), methods)


def _zero_a(self, shape):
    self.down = nn.Parameter(torch.zeros(self.rank, *shape[1:]))
    self.up = nn.Parameter(0.1 * torch.randn(shape[0], self.rank))


def _both_zero(self, shape):
    self.down = nn.Parameter(torch.zeros(self.rank, *shape[1:]))
    self.up = nn.Parameter(torch.zeros(shape[0], self.rank))


def _both_drawn(self, shape):
    self.down = nn.Parameter(0.1 * torch.randn(self.rank, *shape[1:]))
    self.up = nn.Parameter(0.1 * torch.randn(shape[0], self.rank))


def _constant_a(self, shape):
    self.down = nn.Parameter(torch.full((self.rank, *shape[1:]), 0.1))
    self.up = nn.Parameter(torch.zeros(shape[0], self.rank))


class _BaseLearns(_Right):
    def __init__(self, base, rank, alpha):
        super().__init__(base, rank, alpha)
        base.requires_grad_(True)


class _CopiedBase(_Right):
    def __init__(self, base, rank, alpha):
        super().__init__(copy.deepcopy(base), rank, alpha)


CONV = Exercise(
    id="09.conv",
    title="a low-rank update of a convolution",
    name="LoRAConv",
    kind="class",
    parameters=("base", "rank", "alpha"),
    points=2,
    minutes=10,
    difficulty="hard",
    reference="tlkit.peft.lora:LoRAConv",
    cases=_conv_cases,
    view=facts_of_drawn("down"),
    rtol=1e-5,
    atol=1e-5,
    hint="First a convolution to R channels that sees what the base sees; then every place of the picture for itself, from R channels to O.",
    equivalent_mutants={
        "super().__init__(base, rank, *settings)": "here no setting has a name",
        **dict.fromkeys(("dropped: if self.merged:\n    return self.base(x)", "return self.scale / torch.einsum('or,r...->o...', self.up, self.down)", "return self.scale",
                         "return torch.einsum('or,r...->o...', self.up, self.down)", "return self.scale * torch.einsum(self.up, 'or,r...->o...', self.down)",
                         "return self.scale * torch.einsum('or,r...->o...', self.up)"), "merging is another exercise"),
    },
    misconceptions=(
        Misconception("the base's stride is not used", "The narrow map has to have as many places as the base's output.",
                      "Which settings of the base decide how large its output is?",
                      _with(narrow=lambda self, x: F.conv2d(x, self.down, None, 1, self.base.padding, self.base.dilation))),
        Misconception("the base's padding is not used", "The narrow map has to have as many places as the base's output.",
                      "Which settings of the base decide how large its output is?",
                      _with(narrow=lambda self, x: F.conv2d(x, self.down, None, self.base.stride, 0, self.base.dilation))),
        Misconception("the base's dilation is not used", "The narrow map has to look at the places that the base looks at.", "Which settings of the base decide where it looks?",
                      _with(narrow=lambda self, x: F.conv2d(x, self.down, None, self.base.stride, self.base.padding, 1))),
        Misconception("none of the base's settings is used", "Without them the narrow map has another size.", "Which settings of the base decide how large its output is?",
                      _with(narrow=lambda self, x: F.conv2d(x, self.down))),
        Misconception("alpha is not divided by the rank", "“Scaled by alpha” is half of it.", "What is the scale for alpha=16 and rank 4?", _with(scale=lambda self: self.alpha)),
        Misconception("alpha is not used", "The same settings should mean the same update.", "What should a larger alpha do?", _with(scale=lambda self: 1.0)),
        Misconception("the base is left out", "The update is all that is new, but it is added to something.", "What should the layer give while B is zero?",
                      _with(forward=lambda self, x: self.update(x))),
        Misconception("the update is left out", "The layer gives what the base gives, whatever A and B hold.", "What does the output depend on besides the base?",
                      _with(forward=lambda self, x: self.base(x))),
        Misconception("the update counts in training mode alone", "Dropout is like that. An update is a part of the layer, and answers need it as much.",
                      "Where does the exercise speak of modes?", _with(forward=lambda self, x: self.base(x) + self.update(x) if self.training else self.base(x))),
        Misconception("while B is zero the update is not computed", "The numbers are right, but no gradient reaches A and B: B stays zero for ever.",
                      "What is the gradient of B at the first step?", _with(forward=lambda self, x: self.base(x) + self.update(x) if self.up.any() else self.base(x))),
        Misconception("the stride of the first axis is used for both", "`base.stride` is a pair: downwards and across.",
                      "What does `nn.Conv2d(2, 3, 3, stride=(2, 1)).stride` hold?",
                      _with(narrow=lambda self, x: F.conv2d(x, self.down, None, self.base.stride[0], self.base.padding, self.base.dilation))),
        Misconception("the padding of the first axis is used for both", "`base.padding` is a pair: downwards and across.",
                      "What does `nn.Conv2d(2, 3, 3, padding=(1, 2)).padding` hold?",
                      _with(narrow=lambda self, x: F.conv2d(x, self.down, None, self.base.stride, self.base.padding[0], self.base.dilation))),
        Misconception("the dilation of the first axis is used for both", "`base.dilation` is a pair: downwards and across.",
                      "What does `nn.Conv2d(2, 3, 3, dilation=(1, 2)).dilation` hold?",
                      _with(narrow=lambda self, x: F.conv2d(x, self.down, None, self.base.stride, self.base.padding, self.base.dilation[0]))),
        Misconception("the base learns too", "The base came frozen. Released, all its weights get gradients and moments, and nothing is saved.",
                      "Which parameters should learn?", _BaseLearns),
        Misconception("a copy of the base is kept", "Whoever gave the layer still holds it, and sees nothing of what happens to the copy; and it takes twice the memory.",
                      "Which object should `self.base` be?", _CopiedBase),
        Misconception("no gradient passes the base", "Frozen does not mean closed: what lies below learns through it (unit 03).",
                      "Through which two ways does the input reach the output?",
                      _with(forward=lambda self, x: self.base(x).detach() + self.update(x))),
        Misconception("no gradient passes the update to the input", "What lies below learns through both ways.", "Through which two ways does the input reach the output?",
                      _with(narrow=lambda self, x: _Right.narrow(self, x.detach()))),
        Misconception("numbers of A are alike", "Of random numbers hardly two are the same. Where rows of A are alike, they get the same gradient and stay alike: the update has a lower "
                      "rank than R.", "How do layers usually break the tie between their units?", _with(start=_constant_a)),
        Misconception("the update is subtracted", "Training would find the other sign, but files are read by others.", "Which sign has the update in the formula?",
                      _with(forward=lambda self, x: self.base(x) - self.update(x))),
        Misconception("A is zero, and B is not", "That starts at zero too; the paper has it the other way round.", "Which of the two starts at zero?", _with(start=_zero_a)),
        Misconception("A and B are both zero", "Then both gradients are zero for ever.", "Which of the two may be zero?", _with(start=_both_zero)),
        Misconception("neither A nor B is zero", "Something good is there already, and is disturbed.",
                      "What should the layer give before its first step?", _with(start=_both_drawn)),
        Misconception("the base's bias counts twice", "It belongs to the base's own output; the update has none.", "Which layer has a bias?",
                      _with(update=lambda self, x: _Right.update(self, x) + self.base.bias[:, None, None])),
        Misconception("the base's output is multiplied", "The update is added to what the base gives.", "Which sign stands between the base and the update?",
                      _with(forward=lambda self, x: self.base(x) * (1 + self.update(x)))),
        Misconception("B is reshaped where it should be as it is", "`reshape` does not turn a matrix round.", "Which shape has a 1 x 1 kernel from R to O channels?",
                      _with(update=lambda self, x: self.scale() * F.conv2d(self.narrow(x), self.up.T.reshape(self.up.shape)[:, :, None, None]))),
        Misconception("relu between A and B", "That is an adapter. What cannot be written as one kernel cannot be merged.", "What stands between A and B?",
                      _with(update=lambda self, x: self.scale() * F.conv2d(torch.relu(self.narrow(x)), self.up[:, :, None, None]))),
    ),
)

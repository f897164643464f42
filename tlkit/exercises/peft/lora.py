"""Exercise 09.lora: a linear layer with a low-rank update beside it."""

import copy

import numpy as np
import torch
from torch import nn

from tlkit.exercises.peft.drawn import BASE, facts_of_drawn, numbers
from tlkit.exercises.recipe import attribute, backward, construct, forward, layer, mode, set_state, trains
from tlkit.exercises.record import Case, Exercise, Misconception


def _lora_cases(rng: np.random.Generator) -> list[Case]:
    def base(inputs, outputs, **settings):
        return layer("linear", inputs, outputs, seed=int(rng.integers(1000)), **settings)

    def steps(shape, outputs, rank, alpha, *more, before=(), **settings):
        weights = {"down": numbers(rng, rank, shape[-1]), "up": numbers(rng, outputs, rank)}
        return (construct(base(shape[-1], outputs, **settings), rank, alpha), set_state(**weights), *before, forward(numbers(rng, *shape)), *more)

    alpha, wide = float(rng.integers(5, 9)), int(rng.integers(5, 8))
    refused = "a rank that does not fit is refused"
    return [
        Case("the output", "a batch of two", (steps((2, 3), 2, 1, 1.0),)),
        Case("the output", "in evaluation mode", (steps((3, 4), wide, 2, 2.0, before=(mode(False),)),)),
        Case("the output", "a single vector", (steps((3,), 4, 1, 1.0),)),
        Case("the output", "a sequence: three axes", (steps((2, 3, 4), 5, 2, 2.0),)),
        Case("the output", "a base without a bias", (steps((3, wide), 4, 1, 1.0, bias=False),)),
        Case("the scale alpha / R", "rank 2", (steps((2, 3), 4, 2, alpha),)),
        Case("the scale alpha / R", "rank 4, and alpha is less", (steps((3, 5), 4, 4, 3.0),)),
        Case("it starts as the base", "before any training", ((construct(base(3, 4), 2, alpha), forward(numbers(rng, 2, 3))),)),
        Case("it starts as the base", "A and B at the start",
             ((construct(base(4, 3), 2, alpha), attribute("down"), attribute("up"), forward(numbers(rng, 3, 4))),)),
        Case("it starts as the base", "`self.base` is the layer that was given", ((construct(base(4, 2), 2, alpha), BASE),)),
        Case("what learns", "gradients while B is still zero",
             ((construct(base(4, 3), 2, alpha), set_state(down=numbers(rng, 2, 4)), forward(numbers(rng, 2, 4)), backward(numbers(rng, 2, 3))),)),
        Case("what learns", "A and B, and not the base", ((construct(base(3, 2), 2, alpha), trains()),)),
        Case("what learns", "gradients of A, B and the input", (steps((3, 4), 2, 2, 2.0, trains(), backward(numbers(rng, 3, 2))),)),
        Case(refused, "the largest rank that there is", (steps((2, 5), 3, 3, 3.0),)),
        Case(refused, "the largest rank, with fewer inputs than outputs", (steps((2, 3), 5, 3, 3.0),)),
        Case(refused, "rank 0", ((construct(base(3, 4), 0, alpha),),), raises="ValueError"),
        Case(refused, "more than the outputs", ((construct(base(5, 3), 4, alpha),),), raises="ValueError"),
        Case(refused, "more than the inputs", ((construct(base(3, 5), 4, alpha),),), raises="ValueError"),
        Case(refused, "more than either", ((construct(base(3, 4), 6, alpha),),), raises="ValueError"),
    ]


class _Lora(nn.Module):
    """A right answer, of which each misconception changes one thing."""

    def __init__(self, base, rank, alpha):
        super().__init__()
        outputs, inputs = base.weight.shape
        self.refuse(rank, inputs, outputs)
        self.base, self.rank, self.alpha = base, rank, alpha
        self.start(inputs, outputs)

    def refuse(self, rank, inputs, outputs):
        if not 1 <= rank <= min(inputs, outputs):
            raise ValueError("rank out of range")

    def start(self, inputs, outputs):
        self.down = nn.Parameter(torch.randn(self.rank, inputs) * 0.1)
        self.up = nn.Parameter(torch.zeros(outputs, self.rank))

    def scale(self):
        return self.alpha / self.rank

    def update(self, x):
        return self.scale() * (x @ self.down.T @ self.up.T)

    def forward(self, x):
        return self.base(x) + self.update(x)


def _scaled(by):
    class Scaled(_Lora):
        def scale(self):
            return by(self.alpha, self.rank)

    return Scaled


def _started(down, up, trains=(True, True), as_parameters=True):
    class Started(_Lora):
        def start(self, inputs, outputs):
            def held(values, learns):
                return nn.Parameter(values, requires_grad=learns) if as_parameters else values

            self.down = held(down(self.rank, inputs), trains[0])
            self.up = held(up(outputs, self.rank), trains[1])

    return Started


def _refusing(bad):
    class Refusing(_Lora):
        def refuse(self, rank, inputs, outputs):
            if bad(rank, inputs, outputs):
                raise ValueError("rank out of range")

    return Refusing


def _small(*shape):
    return 0.1 * torch.randn(*shape)


class _NoBase(_Lora):
    def forward(self, x):
        return self.update(x)


class _BaseAlone(_Lora):
    def forward(self, x):
        return self.base(x)


class _Minus(_Lora):
    def forward(self, x):
        return self.base(x) - self.update(x)


class _BaseLearns(_Lora):
    def __init__(self, base, rank, alpha):
        super().__init__(base, rank, alpha)
        base.requires_grad_(True)


class _Detached(_Lora):
    def update(self, x):
        return super().update(x).detach()


class _NoInputGradient(_Lora):
    def update(self, x):
        return super().update(x.detach())


class _BaseScaled(_Lora):
    def forward(self, x):
        return self.scale() * (self.base(x) + x @ self.down.T @ self.up.T)


class _Nonlinear(_Lora):
    def update(self, x):
        return self.scale() * (torch.relu(x @ self.down.T) @ self.up.T)


class _BaseWithoutGradient(_Lora):
    def forward(self, x):
        with torch.no_grad():
            y = self.base(x)
        return y + self.update(x)


class _NoBias(_Lora):
    def forward(self, x):
        return x @ self.base.weight.T + self.update(x)


class _WritesIntoTheBase(_Lora):
    def forward(self, x):
        with torch.no_grad():
            self.base.weight += self.scale() * self.up @ self.down
        return self.base(x)


class _BiasTwice(_Lora):
    def forward(self, x):
        y = super().forward(x)
        return y if self.base.bias is None else y + self.base.bias


class _CopiedBase(_Lora):
    def __init__(self, base, rank, alpha):
        super().__init__(copy.deepcopy(base), rank, alpha)


class _InTrainingOnly(_Lora):
    def forward(self, x):
        return super().forward(x) if self.training else self.base(x)


class _AsksWhetherBIsZero(_Lora):
    def forward(self, x):
        return super().forward(x) if self.up.any() else self.base(x)


class _BatchesAlone(_Lora):
    def update(self, x):
        return self.scale() * (x @ self.down.mT @ self.up.mT) if x.ndim > 1 else self.scale() * torch.mm(x, self.down.T) @ self.up.T


class _NewBase(_Lora):
    def __init__(self, base, rank, alpha):
        super().__init__(base, rank, alpha)
        torch.manual_seed(0)
        self.base = nn.Linear(base.in_features, base.out_features, bias=base.bias is not None).requires_grad_(False)


LORA = Exercise(
    id="09.lora",
    title="a low-rank update",
    name="LoRALinear",
    kind="class",
    parameters=("base", "rank", "alpha"),
    points=4,
    minutes=12,
    difficulty="medium",
    reference="tlkit.peft.lora:LoRALinear",
    cases=_lora_cases,
    view=facts_of_drawn("down"),
    rtol=1e-5,
    atol=1e-6,
    hint="What are the shapes of x, A and B? Which transposes make x A' B' come out as (B, O)?",
    equivalent_mutants={
        "super().__init__(base, rank, *settings)": "here no setting has a name",
        "self.down, self.up = self._pair((base.weight.shape[-1],), base.weight.shape[0])": "the weight has two axes",
        **dict.fromkeys(("dropped: if self.merged:\n    return self.base(x)", "return self.scale * self.up * self.down", "return self.scale * self.up",
                         "return self.down", "return self.scale / self.up @ self.down", "return self.scale @ self.down", "return self.up @ self.down"),
                        "merging is another exercise"),
    },
    misconceptions=(
        Misconception("alpha is not divided by the rank", "“Scaled by alpha” is half of it. Then a rank that is doubled learns about twice as fast, and "
                      "every rank wants a learning rate of its own.", "What is the scale for alpha=16 and rank 4?", _scaled(lambda alpha, rank: alpha)),
        Misconception("alpha is not used", "A scale of 1 can be learned away, but then two people with the same settings train two different things.",
                      "What should a larger alpha do to the output?", _scaled(lambda alpha, rank: 1.0)),
        Misconception("the scale is 2, whatever alpha and R are", "It is what common settings come to (alpha=16, R=8); here both are given.",
                      "What should a larger alpha do to the output?",
                      _scaled(lambda alpha, rank: 2.0)),
        Misconception("divided by the root of the rank", "That is the rank-stabilised variant, which has a name of its own; here alpha / R is asked for.",
                      "What is the scale for alpha=16 and rank 4?", _scaled(lambda alpha, rank: alpha / rank**0.5)),
        Misconception("multiplied by the rank", "The factor is there, and the wrong way round.", "Should the update of a higher rank be scaled up or down?",
                      _scaled(lambda alpha, rank: alpha * rank)),
        Misconception("the scale is upside down", "The factor is there, and the wrong way round.", "What is the scale for alpha=16 and rank 4?",
                      _scaled(lambda alpha, rank: rank / alpha)),
        Misconception("one over the rank alone", "Half of the scale: alpha is missing.", "What should a larger alpha do to the output?",
                      _scaled(lambda alpha, rank: 1 / rank)),
        Misconception("the scale is rounded down", "`//` divides whole numbers, and rounds down.", "What is 3 / 4, and what is 3 // 4?",
                      _scaled(lambda alpha, rank: alpha // rank)),
        Misconception("a new layer in place of the base", "It has the right size, and none of what was learned.", "Where do the pretrained weights come from?", _NewBase),
        Misconception("A and B are both zero", "The update is zero, as it should be. But the gradient of A goes through B and that of B through A: both are "
                      "zero for ever, and nothing is learned.", "Which of the two may be zero, and what must the other be?",
                      _started(torch.zeros, torch.zeros)),
        Misconception("A is zero, and B is not", "That starts at zero too, and it would learn. It is the other way round from the paper, and from files that others read.",
                      "Which of the two starts at zero in the exercise's text?", _started(torch.zeros, _small)),
        Misconception("neither A nor B is zero", "Weights start at random, as everywhere else; but here something good is there already, and is disturbed.",
                      "What should the layer give before its first step of training?", _started(_small, _small)),
        Misconception("numbers of A are alike", "Of random numbers hardly two are the same. Where rows of A are alike, they get the same gradient and stay alike: the update has a lower "
                      "rank than R.", "How do layers usually break the tie between their units?", _started(torch.ones, torch.zeros)),
        Misconception("the base layer is left out", "The update is all that is new, but it is added to something.", "What should the layer give while B is zero?", _NoBase),
        Misconception("the update is left out", "The layer gives what the base gives, whatever A and B hold.", "What does the output depend on besides the base?",
                      _BaseAlone),
        Misconception("the update counts in training mode alone", "Dropout is like that. An update is a part of the layer, and answers need it as much.",
                      "Where does the formula ask for the mode?", _InTrainingOnly),
        Misconception("while B is zero the update is not computed", "The numbers are right, but no gradient reaches A and B: B stays zero for ever.",
                      "What is the gradient of B at the first step?", _AsksWhetherBIsZero),
        Misconception("a single vector fails", "“Any number of axes in front” may be none.", "Which product takes (I,) as well as (B, I)?", _BatchesAlone),
        Misconception("a copy of the base is kept", "Whoever gave the layer still holds it, and sees nothing of what happens to the copy; and it takes twice the memory.",
                      "Which object should `self.base` be?", _CopiedBase),
        Misconception("the update is subtracted", "Training would find the other sign, but files are read by others.", "Which sign has B A in the formula?", _Minus),
        Misconception("the base learns too", "The base came frozen. Released, all its weights get gradients and moments, and nothing is saved.",
                      "Which parameters does the exercise want to train?", _BaseLearns),
        Misconception("A does not learn", "A random A that stays is a variant (LoRA-FA); here both learn.", "Which parameters does the exercise want to train?",
                      _started(_small, torch.zeros, (False, True))),
        Misconception("A and B are no parameters", "A tensor that is an attribute is not seen by `parameters()`, so no optimiser gets it, and it is not saved.",
                      "What does torch's `nn.Parameter` do?", _started(_small, torch.zeros, as_parameters=False)),
        Misconception("no gradient reaches A and B", "`detach` or `no_grad` around the update makes numbers out of it.", "What is to learn?", _Detached),
        Misconception("no gradient passes the update to the input", "The layers below may have updates of their own, which learn from what comes through here.",
                      "Through which two ways does the input reach the output?", _NoInputGradient),
        Misconception("no gradient passes the base", "Frozen does not mean closed: what lies below learns through it (unit 03).",
                      "Through which two ways does the input reach the output?", _BaseWithoutGradient),
        Misconception("the base is scaled too", "The brackets reach too far.", "What should the layer give while B is zero?", _BaseScaled),
        Misconception("something nonlinear between A and B", "That is an adapter. An update that cannot be written as a matrix cannot be merged either.",
                      "What stands between B and A in the formula?", _Nonlinear),
        Misconception("the bias is left out", "The base has one, and calling it is shorter than writing it out.", "What does `self.base(x)` hold that `x @ W.T` does not?",
                      _NoBias),
        Misconception("the bias counts twice", "`self.base(x)` holds it already.", "How often does b stand in the formula?", _BiasTwice),
        Misconception("the base's weights are written to", "With every call the update is added once more.", "Call it twice with the same input. What should change?",
                      _WritesIntoTheBase),
        Misconception("every rank is accepted", "A rank above the smaller side costs more than the full matrix and can say no more.",
                      "How large can the rank of a matrix be?", _refusing(lambda rank, inputs, outputs: False)),
        Misconception("the largest rank is refused", "Up to the smaller side, and with it.", "May R equal the smaller of the two sides?",
                      _refusing(lambda rank, inputs, outputs: not 1 <= rank < min(inputs, outputs))),
        Misconception("the rank may be as large as the larger side", "Rank is bounded by the smaller side: three rows cannot point in four independent directions.",
                      "How large can the rank of a 3 x 5 matrix be?", _refusing(lambda rank, inputs, outputs: not 1 <= rank <= max(inputs, outputs))),
        Misconception("no rank is too large", "Rank 0 is refused, and that is half of it: a rank above the smaller side costs more than the full matrix and can say no more.",
                      "How large can the rank of a matrix be?", _refusing(lambda rank, inputs, outputs: rank < 1)),
        Misconception("the outputs alone bound the rank", "The rank of a matrix is bounded by both of its sides.", "How large can the rank of a 5 x 3 matrix be?",
                      _refusing(lambda rank, inputs, outputs: not 1 <= rank <= outputs)),
        Misconception("the inputs alone bound the rank", "The rank of a matrix is bounded by both of its sides.", "How large can the rank of a 3 x 5 matrix be?",
                      _refusing(lambda rank, inputs, outputs: not 1 <= rank <= inputs)),
        Misconception("rank 0 is accepted", "It learns nothing, and divides by zero.", "What is alpha / R for R = 0?",
                      _refusing(lambda rank, inputs, outputs: rank > min(inputs, outputs))),
    ),
)

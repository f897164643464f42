"""Exercise 02.number_head: a head that gives a number, in the unit of the targets."""

import numpy as np
import torch
from torch import nn

from tlkit.exercises.recipe import backward, call, construct, forward, set_state, trains
from tlkit.exercises.record import Case, Exercise, Misconception


def _head_cases(rng: np.random.Generator) -> list[Case]:
    def drawn(*shape):
        return np.round(rng.normal(size=shape), 2)

    def steps(batch, features, mean, unit, *more, bias=True):
        weights = {"linear__weight": drawn(1, features), "linear__bias": drawn(1) if bias else np.zeros(1)}
        return (construct(features, float(mean), float(unit)), set_state(**weights), forward(drawn(batch, features)), *more)

    mean, unit = round(rng.uniform(50, 200), 1), round(rng.uniform(20, 80), 1)
    return [
        Case("one number for each example", "three examples", (steps(3, 4, 0, 1),)),
        Case("one number for each example", "a single example", (steps(1, 5, 0, 1),)),
        Case("mean and unit", "a mean", (steps(2, 3, mean, 1),)),
        Case("mean and unit", "a unit", (steps(2, 3, 0, unit),)),
        Case("mean and unit", "both", (steps(4, 2, mean, unit),)),
        Case("mean and unit", "a negative mean and a small unit", (steps(3, 6, -mean, 0.01),)),
        Case("what trains, and what is kept", "which parameters train", ((construct(3, float(mean), float(unit)), trains()),)),
        Case("what trains, and what is kept", "mean and unit are kept with the weights", (steps(2, 3, mean, unit, call("state_dict")),)),
        Case("what trains, and what is kept", "mean and unit come back with the weights",
             ((construct(3, float(mean), float(unit)), set_state(linear__weight=drawn(1, 3), linear__bias=drawn(1), mean=np.array(2.5), unit=np.array(0.5)),
               forward(drawn(2, 3))),)),
        Case("a gradient flows back", "an upstream gradient", (steps(3, 4, mean, unit, backward(drawn(3))),)),
    ]


class _Head(nn.Module):
    """A right head, of which each misconception changes one thing."""

    outputs = 1
    bias = True

    def __init__(self, feature_size, mean, unit):
        super().__init__()
        self.linear = nn.Linear(feature_size, self.outputs, bias=self.bias)
        self.keep(mean, unit)

    def keep(self, mean, unit):
        self.register_buffer("mean", torch.tensor(mean))
        self.register_buffer("unit", torch.tensor(unit))

    def forward(self, features):
        return self.read(self.linear(features).squeeze(1))

    def read(self, z):
        return self.mean + self.unit * z


class _Column(_Head):
    def forward(self, features):
        return self.read(self.linear(features))


class _SqueezesTooMuch(_Head):
    def forward(self, features):
        return self.read(self.linear(features).squeeze())


class _NoMean(_Head):
    def read(self, z):
        return self.unit * z


class _NoUnit(_Head):
    def read(self, z):
        return self.mean + z


class _Raw(_Head):
    def read(self, z):
        return z


class _MeanInUnits(_Head):
    def read(self, z):
        return self.unit * (z + self.mean)


class _Standardised(_Head):
    def read(self, z):
        return (z - self.mean) / self.unit


class _StandardisedFeatures(_Head):
    def forward(self, features):
        return self.linear((features - self.mean) / self.unit).squeeze(1)


class _UnitSquared(_Head):
    def read(self, z):
        return self.mean + self.unit**2 * z


class _Trains(_Head):
    def keep(self, mean, unit):
        self.mean, self.unit = nn.Parameter(torch.tensor(mean)), nn.Parameter(torch.tensor(unit))


class _FrozenParameters(_Head):
    def keep(self, mean, unit):
        self.mean = nn.Parameter(torch.tensor(mean), requires_grad=False)
        self.unit = nn.Parameter(torch.tensor(unit), requires_grad=False)


class _NotKept(_Head):
    def keep(self, mean, unit):
        self.mean, self.unit = mean, unit


class _NotKeptBuffers(_Head):
    def keep(self, mean, unit):
        self.register_buffer("mean", torch.tensor(mean), persistent=False)
        self.register_buffer("unit", torch.tensor(unit), persistent=False)


class _NotKeptTensors(_Head):
    def keep(self, mean, unit):
        self.register_buffer("mean", torch.tensor(mean))
        self.unit = unit


class _Sigmoid(_Head):
    def read(self, z):
        return self.mean + self.unit * torch.sigmoid(z)


class _Positive(_Head):
    def read(self, z):
        return torch.relu(self.mean + self.unit * z)


class _Softmax(_Head):
    def forward(self, features):
        return self.read(torch.softmax(self.linear(features), 1).squeeze(1))


class _Detached(_Head):
    def forward(self, features):
        return self.read(self.linear(features).detach().squeeze(1))


NUMBER_HEAD = Exercise(
    id="02.number_head",
    title="a head that gives a number",
    name="NumberHead",
    kind="class",
    parameters=("feature_size", "mean", "unit"),
    points=3,
    minutes=7,
    difficulty="medium",
    reference="tlkit.kinds:NumberHead",
    cases=_head_cases,
    shortcuts=("tlkit.heads:SquaredError",),
    rtol=1e-5,
    atol=1e-6,
    hint="What does `nn.Linear(feature_size, 1)` give for three examples? Which of a module's attributes are saved with it and do not train?",
    equivalent_mutants={"return self.mean + self.unit * self.linear(features).squeeze(-1)": "the last axis is axis 1"},
    misconceptions=(
        Misconception("a column in place of a row", "`nn.Linear(F, 1)` gives (B, 1). With targets of shape (B,) the difference becomes a table (B, B), and "
                      "no error is raised.", "Which axis is one too many?", _Column),
        Misconception("the only example loses its axis", "`squeeze()` without an axis removes every axis of length 1, the batch's too.",
                      "Which axis do you want to remove?", _SqueezesTooMuch),
        Misconception("the mean is left out", "The bias can learn it. At a learning rate that suits weights of the size of 1, that takes long.",
                      "What should the head say when w and b are 0?", _NoMean),
        Misconception("the unit is left out", "The weights can learn it, and have a long way to go.", "How far does the output move when z moves by 1?",
                      _NoUnit),
        Misconception("neither mean nor unit", "A linear layer is what everybody puts there.", "What should the head say when w and b are 0?", _Raw),
        Misconception("the mean is counted in units", "unit * (z + mean) is one pair of brackets away.", "What should the head say when w and b are 0?",
                      _MeanInUnits),
        Misconception("targets' scale taken off, not put on", "That is how targets are standardised; the head goes the other way.",
                      "In which unit is the linear layer's output, and in which the answer?", _Standardised),
        Misconception("the features are standardised", "Mean and unit are usually taken off inputs.", "Of what are these the mean and the unit?",
                      _StandardisedFeatures),
        Misconception("the unit comes in twice", "A variance is a spread squared.", "How far does the output move when z moves by 1?", _UnitSquared),
        Misconception("mean and unit train", "`nn.Parameter` keeps them with the weights, and also hands them to the optimiser.",
                      "What is a part of the state that nobody trains called?", _Trains),
        Misconception("parameters that are told not to train", "They do not move and are saved. But who unfreezes the head sets them free.",
                      "What is a part of the state that nobody trains called?", _FrozenParameters),
        Misconception("mean and unit are not saved", "A plain attribute works until the model is saved and loaded.",
                      "What does `state_dict()` of your head hold?", _NotKept),
        Misconception("only the mean is saved", "A plain attribute works until the model is saved and loaded.",
                      "What does `state_dict()` of your head hold?", _NotKeptTensors),
        Misconception("the output is pressed between two bounds", "Outputs are probabilities.", "Which numbers should the head be able to say?", _Sigmoid),
        Misconception("nothing below 0", "Lengths and prices are positive. Temperatures and gains are not.", "Which numbers should the head be able to say?",
                      _Positive),
        Misconception("a softmax over one output", "A softmax is what heads end in; of one number it is always 1.", "What does a softmax of one number give?",
                      _Softmax),
        Misconception("no gradient flows", "`.detach()` makes numbers out of tensors.", "What does the layer learn from?", _Detached),
    ),
)

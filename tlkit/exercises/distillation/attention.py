"""Exercise 10.attention (optional): the student is to look where the teacher looks."""

import numpy as np
import torch
from torch.nn import functional as F

from tlkit.exercises.record import Case, Exercise, Misconception


def _cases(rng: np.random.Generator) -> list[Case]:
    def call(batch, ours, theirs, height, width, gradient=False, scale=1.0):
        student, teacher = (scale * np.round(rng.normal(size=(batch, channels, height, width)), 2) for channels in (ours, theirs))
        return torch.tensor(student, requires_grad=gradient), torch.tensor(teacher)

    one = torch.tensor(np.round(rng.normal(size=(2, 3, 2, 4)), 2))
    many = int(rng.integers(4, 7))
    return [
        Case("one number an example", "one example, a channel each", (call(1, 1, 1, 2, 2),)),
        Case("one number an example", "two examples", (call(2, 3, 3, 2, 2),)),
        Case("one number an example", "more examples", (call(many, 2, 3, 3, 2),)),
        Case("other numbers of channels", "2 and 5 channels", (call(2, 2, 5, 3, 4),)),
        Case("other numbers of channels", "4 and 1 channels", (call(3, 4, 1, 2, 5),)),
        Case("places, not strength", "the teacher's map, three times as strong", ((3 * one, one + 0.1),)),
        Case("places, not strength", "the same map with another sign in one channel", ((torch.cat([-one[:, :1], one[:, 1:]], 1), one[:, [1, 0, 2]] + 0.2),)),
        Case("places, not strength", "features of thousandths", (call(2, 3, 2, 2, 3, scale=0.001),)),
        Case("a gradient flows to the student", "one that is not 1", (call(2, 3, 2, 2, 3, gradient=True),), upstream=torch.tensor(np.round(rng.uniform(1, 3, 2), 1))),
    ]


def _by(see=lambda x: x.square().sum(1).flatten(1), norm=lambda a: F.normalize(a, dim=1), compare=lambda a, b: (a - b).square().sum(1)):
    def attention_loss(student, teacher):
        return compare(norm(see(student)), norm(see(teacher)))

    return attention_loss


def _copied(student, teacher):
    return _by()(student.detach().clone().requires_grad_(), teacher)


def _student_alone(student, teacher):
    a, b = (x.square().sum(1).flatten(1) for x in (student, teacher))
    return (F.normalize(a, dim=1) - b).square().sum(1)


def _over_all_places(a):
    return a / a.norm()


ATTENTION = Exercise(
    id="10.attention",
    title="where the teacher looks",
    name="attention_loss",
    parameters=("student", "teacher"),
    points=3,
    minutes=10,
    difficulty="medium",
    reference="tlkit.distillation_losses:attention_loss",
    cases=_cases,
    shrinks=False,
    rtol=1e-5,
    atol=1e-7,
    hint="Make one row of H W numbers for each example first; what is its length?",
    shortcuts=("tlkit.distillation_losses:attention_loss",),
    equivalent_mutants={
        "maps = _alike(teacher.to(student.dtype).square().sum(dim=1, keepdim=True), student.square().sum(dim=1, keepdim=True))":
            "the square of the difference has no direction",
        **dict.fromkeys(("first, second = (F.normalize(each.flatten(1)) for each in maps)", "return (first - second).square().sum(dim=-1)",
                         "first, second = (F.normalize(each.flatten(1), dim=-1) for each in maps)"), "the last axis is axis 1, which torch takes by itself"),
    },
    misconceptions=(
        Misconception("channels are not squared", "A strong negative activation is attention as well.", "What is summed over the channels?",
                      _by(see=lambda x: x.sum(1).flatten(1))),
        Misconception("absolute values for squares", "Another member of the family; the formula has squares, which stress the strongest.",
                      "What is summed over the channels?", _by(see=lambda x: x.abs().sum(1).flatten(1))),
        Misconception("the sum is squared, not what is summed", "Channels of opposite sign cancel then.", "Which comes first, the square or the sum?",
                      _by(see=lambda x: x.sum(1).square().flatten(1))),
        Misconception("maps are not normalised", "A student with fewer channels has a weaker map; only the places are to be alike.",
                      "What should the loss be for a map and three times that map?", _by(norm=lambda a: a)),
        Misconception("only the student's map is normalised", "The teacher's strength then counts, which is not to be learned.",
                      "What should the loss be if the teacher's features are doubled?",
                      _student_alone),
        Misconception("divided by the squared length", "A sum of squares is the length before the root is taken.", "Which length does a map have after it was divided by its own?",
                      _by(norm=lambda a: a / a.square().sum(1, keepdim=True))),
        Misconception("a small number is added to the length", "It guards against 0 / 0, which the exercise rules out; the map of weak features has a length as small as that.",
                      "How long is the map of features around 0.001?", _by(norm=lambda a: a / (a.norm(dim=1, keepdim=True) + 1e-6))),
        Misconception("the length is taken for a constant", "The value is right; but the student's length changes with its features, and its gradient was cut off.",
                      "Does the length depend on the student's features?", _by(norm=lambda a: a / a.detach().norm(dim=1, keepdim=True))),
        Misconception("the gradient ends at a copy", "A new tensor that requires a gradient keeps it for itself; the student that was handed over gets none.",
                      "Which tensor does the student's network know?", _copied),
        Misconception("absolute differences", "The double bars are a Euclidean length, and it is squared.", "What is summed over the places?",
                      _by(compare=lambda a, b: (a - b).abs().sum(1))),
        Misconception("channel by channel", "Channel 3 of the student need not mean what channel 3 of the teacher means; nor are there always as many.",
                      "What is left of the channels in a(x)?", _by(see=lambda x: x.square().flatten(1))),
        Misconception("the strongest channel of each place", "`max` or `amax` keeps one channel's square, and the formula adds them all.",
                      "What is done with the channels' squares?",
                      _by(see=lambda x: x.square().amax(1).flatten(1))),
        Misconception("divided by the sum",
                      "That makes a distribution, and so does dividing x by its length before it is squared; the formula divides a(x) by its Euclidean length.",
                      "Which length do the double bars mean, and of what?",
                      _by(norm=lambda a: F.normalize(a, p=1, dim=1))),
        Misconception("divided by the largest", "It brings maps to a common scale too, and another one.", "Which length do the double bars mean?",
                      _by(norm=lambda a: a / a.max(1, keepdim=True).values)),
        Misconception("one length for the whole batch", "Each example's map has its own.", "How many lengths are there for B examples?", _by(norm=_over_all_places)),
        Misconception("a mean over the places", "The squared length of the difference is a sum.", "Is the norm a sum or a mean?",
                      _by(compare=lambda a, b: (a - b).square().mean(1))),
        Misconception("the length is not squared", "Its gradient does not exist where the two are equal; the exercise asks for the square.",
                      "What stands outside of the double bars?", _by(compare=lambda a, b: (a - b).norm(dim=1))),
        Misconception("a sum over the batch", "One number for each example is due.", "Which shape does the exercise ask for?",
                      _by(compare=lambda a, b: (a - b).square().sum())),
        Misconception("a mean over the batch", "One number for each example is due.", "Which shape does the exercise ask for?",
                      _by(compare=lambda a, b: (a - b).square().sum(1).mean())),
        Misconception("a mean over the channels, places lost", "Attention is a map: what is left for each place.", "Over which axis is the sum taken?",
                      _by(see=lambda x: x.square().sum(2).mean(2)[:, :1].flatten(1))),
        Misconception("the similarity, not the difference", "Equal maps have similarity 1, and loss 0.", "What should the loss of two equal maps be?",
                      _by(compare=lambda a, b: (a * b).sum(1))),
        Misconception("normalised over the batch", "`dim=0` goes through the examples.", "Which numbers belong to one example's map?", _by(norm=lambda a: F.normalize(a, dim=0))),
        Misconception("a softmax in place of a length", "It makes a distribution of the places; the formula divides by the Euclidean length.",
                      "Which length do the double bars mean?", _by(norm=lambda a: a.softmax(1))),
        Misconception("a length for each row of the map", "The double bars go over all places of an example, rows and columns.", "How many lengths does one example have?",
                      _by(see=lambda x: x.square().sum(1), norm=lambda a: F.normalize(a, dim=2), compare=lambda a, b: (a - b).square().sum((1, 2)))),
        Misconception("a length for each column of the map", "`normalize` takes one axis; flatten height and width into one before.", "How many lengths does one example have?",
                      _by(see=lambda x: x.square().sum(1), norm=lambda a: F.normalize(a, dim=1), compare=lambda a, b: (a - b).square().sum((1, 2)))),
        Misconception("the root of the sum over the channels", "It is the length of a place's features; the formula takes its square.", "Is there a root in a(x)?",
                      _by(see=lambda x: x.square().sum(1).sqrt().flatten(1))),
        Misconception("half of it", "1 less the cosine is half the squared distance of two vectors of length 1.", "What is the squared distance of two vectors at right angles?",
                      _by(compare=lambda a, b: 1 - (a * b).sum(1))),
    ),
)

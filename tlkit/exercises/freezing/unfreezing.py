"""Exercise 05.unfreezing: which stages train in which epoch."""

import numpy as np

from tlkit.exercises.record import Case, Exercise, Misconception

_NAMES = ("stem", "block1", "block2", "block3", "block4", "norm", "pool")


def _unfreezing_cases(rng: np.random.Generator) -> list[Case]:
    def stages(count):
        first = int(rng.integers(0, len(_NAMES) - count + 2))
        return [*_NAMES[first:first + count - 1], "head"]

    head, step = int(rng.integers(3, 6)), int(rng.integers(2, 5))
    five, four, three = stages(5), stages(4), stages(3)
    return [
        Case("the head first", "the first epoch", ((0, five, head, step),)),
        Case("the head first", "the last epoch of the head alone", ((head - 1, four, head, step),)),
        Case("the head first", "it has just been alone", ((head, five, head, step),)),
        Case("one stage more at each step", "the first epoch of the first step", ((head, four, head, step),)),
        Case("one stage more at each step", "the last epoch of the first step", ((head + step - 1, five, head, step),)),
        Case("one stage more at each step", "the first epoch of the second step", ((head + step, five, head, step),)),
        Case("one stage more at each step", "the middle of the third step", ((head + 2 * step + 1, five, head, step),)),
        Case("one stage more at each step", "steps of one epoch", ((head + 1, four, head, 1),)),
        Case("everything, and no more", "the last stage is about to begin", ((head + step - 1, three, head, step),)),
        Case("everything, and no more", "the last stage has just begun", ((head + step, three, head, step),)),
        Case("everything, and no more", "long after", ((head + 40 * step, four, head, step),)),
        Case("everything, and no more", "one step after the last", ((head + 2 * step, three, head, step),)),
        Case("no epochs for the head alone", "the first epoch", ((0, five, 0, step),)),
        Case("no epochs for the head alone", "the second step", ((step, four, 0, step),)),
    ]


def _stages(count):
    """The last stages, as many as `count` says of (epoch, how many stages there are, head_epochs, epochs_a_step)."""

    def stages_that_train(epoch, stages, head_epochs, epochs_a_step):
        wanted = min(max(count(epoch, len(stages), head_epochs, epochs_a_step), 0), len(stages))
        return stages[len(stages) - wanted:]

    return stages_that_train


def _due(epoch, total, head, step):
    return 1 if epoch < head else 2 + (epoch - head) // step


_right = _stages(_due)


def _frozen_ones(*call):
    return [stage for stage in call[1] if stage not in _right(*call)]


def _from_the_input(epoch, stages, head_epochs, epochs_a_step):
    count = min(_due(epoch, len(stages), head_epochs, epochs_a_step), len(stages)) - 1
    return [*stages[:count], stages[-1]]


def _one_at_a_time(epoch, stages, head_epochs, epochs_a_step):
    return stages[max(0, len(stages) - _due(epoch, len(stages), head_epochs, epochs_a_step))]


def _chain_thaw(*call):
    return [_one_at_a_time(*call)]


def _without_the_head(epoch, stages, head_epochs, epochs_a_step):
    training = _right(epoch, stages, head_epochs, epochs_a_step)
    return training[:-1] if len(training) > 1 else training


def _wraps(epoch, stages, head_epochs, epochs_a_step):
    depth = len(stages) - _due(epoch, len(stages), head_epochs, epochs_a_step)
    return stages[depth:]


UNFREEZING = Exercise(
    id="05.unfreezing",
    title="gradual unfreezing",
    name="stages_that_train",
    parameters=("epoch", "stages", "head_epochs", "epochs_a_step"),
    points=2,
    minutes=7,
    difficulty="easy",
    reference="tlkit.unfreezing:stages_that_train",
    cases=_unfreezing_cases,
    shrinks=False,
    hint="First count how many stages train in this epoch; then take as many from the end.",
    misconceptions=(
        Misconception("one epoch late", "`<=` lets the head have one epoch more for itself.", "Which epoch is the first of the first step, if epochs count "
                      "from 0?", _stages(lambda e, total, h, s: 1 if e <= h else 2 + (e - h - 1) // s)),
        Misconception("epochs counted from 1", "Then everything comes an epoch early.", "What is the number of the very first epoch?",
                      _stages(lambda e, total, h, s: _due(e + 1, total, h, s))),
        Misconception("the first step waits a step's length", "The epochs since the head was alone are divided by the step, and that is 0 at first.",
                      "How many stages train in the first epoch after the head's own?", _stages(lambda e, total, h, s: 1 if e < h else 1 + (e - h) // s)),
        Misconception("the head's own epochs are forgotten", "The steps are counted from epoch 0.", "What is `head_epochs` for?",
                      _stages(lambda e, total, h, s: 2 + e // s)),
        Misconception("the steps are counted from epoch 0", "The head's epochs are waited for, and then counted again.",
                      "How many epochs of steps have passed?", _stages(lambda e, total, h, s: 1 if e < h else 2 + e // s)),
        Misconception("everything at once after the head", "That is linear probing, then fine-tuning: a good plan, but another one.",
                      "How many stages should train in the first step?", _stages(lambda e, total, h, s: 1 if e < h else total)),
        Misconception("unfrozen from the input on", "Early layers come first in the list; but the late ones are the most special, and are let go first.",
                      "Which stage is nearest to the head?", _from_the_input),
        Misconception("one stage at a time", "What was unfrozen is frozen again; gradual unfreezing keeps it in training.",
                      "Does the head still train at the end?", _chain_thaw),
        Misconception("the head stops when the body begins", "The body's turn has come; but the head goes on as well.",
                      "Which stages train in the first step?", _without_the_head),
        Misconception("the frozen stages are returned", "The question is which ones train.", "What should stand in the list at epoch 0?", _frozen_ones),
        Misconception("one stage more every epoch", "`epochs_a_step` says how long a step lasts.", "What does the second epoch of a step look like?",
                      _stages(lambda e, total, h, s: 1 if e < h else 2 + e - h)),
        Misconception("the count runs past the end", "A negative index counts from the other end of the list, so stages drop out again.",
                      "What is `stages[-1:]`, and what did you mean?", _wraps),
        Misconception("two stages more at each step", "One for the stage and one for the head; but the head trains already.",
                      "How many stages more train in the second step than in the first?",
                      _stages(lambda e, total, h, s: 1 if e < h else 2 + 2 * ((e - h) // s))),
    ),
)

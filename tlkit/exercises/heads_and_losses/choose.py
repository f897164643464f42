"""Exercise 02.choose: the end of the network for six tasks."""

from copy import deepcopy

import numpy as np

from tlkit.exercises.record import Case, Exercise, Misconception
from tlkit.kinds import end_of_network

TASKS = {
    "digit": ("classification", 10),
    "cultivar": ("classification", 3),
    "findings": ("multi-label", 14),
    "progression": ("regression", 0),
    "tags": ("token classification", 9),
    "next token": ("generation", 5000),
}


def ends_due() -> dict[str, dict]:
    """What the library puts at the end of a network for each of the tasks."""
    return {name: end_of_network(kind, class_count) for name, (kind, class_count) in TASKS.items()}


def _choose_cases(rng: np.random.Generator) -> list[Case]:
    groups = {"digit": "one class of several", "cultivar": "one class of several", "findings": "several answers at once",
              "progression": "a number", "tags": "an answer at every place", "next token": "an answer at every place"}
    return [Case(group, f"the task “{name}”", ((name,),)) for name, group in groups.items()]


def _told_apart(values: list, calls: tuple) -> object:
    """What of an end is right: the value that is due is not shown, since it would be the answer."""
    (end,), ((name,),) = values, calls
    if not isinstance(end, dict):
        return end
    due = ends_due()[name]
    return "; ".join(f"{key}: {_in_words(end.get(key), due.get(key))}" for key in sorted({*due, *map(str, end)}))


def _in_words(given: object, due: object) -> str:
    given = given.item() if isinstance(given, np.ndarray) and given.ndim == 0 else given
    return "right" if type(given) in (int, float, str) and given == due else f"{given!r} is not right"


def _with(**changes) -> dict[str, dict]:
    ends = deepcopy(ends_due())
    for name, change in changes.items():
        ends[name.replace("_", " ")].update(change)
    return ends


_ONE_CLASS = {"loss": "cross-entropy", "answer": "largest"}
_YES_OR_NO = {"loss": "binary cross-entropy", "answer": "above 0"}
_NUMBER = {"outputs": 1, "loss": "squared error", "answer": "itself"}

CHOOSE = Exercise(
    id="02.choose",
    title="the end of six networks",
    name="ends",
    kind="plan",
    points=3,
    minutes=5,
    difficulty="easy",
    reference="tlkit.exercises.heads_and_losses.choose:ends_due",
    cases=_choose_cases,
    view=_told_apart,
    hint="Ask of each task: how many answers has one example, and what can one answer be?",
    misconceptions=(
        Misconception("a class number is fitted as if it were an amount", "Class numbers are numbers, and a number can be predicted.",
                      "Is a 9 more of something than a 3, or only another one?", _with(digit=_NUMBER, cultivar=_NUMBER)),
        Misconception("one output that holds the class number", "The answer is one number, so one output looks like enough.",
                      "The loss compares a score for each class: how many scores does one example need?",
                      _with(digit={"outputs": 1}, cultivar={"outputs": 1})),
        Misconception("one output holds the class, and is the answer itself", "The class is a number; but cross-entropy takes a score for each class, and the answer "
                      "is the class with the largest.", "How many scores does one example need?",
                      _with(digit={"outputs": 1, "answer": "itself"}, cultivar={"outputs": 1, "answer": "itself"})),
        Misconception("an output for every measurement of a wine", "Thirteen columns go in; what comes out is a score for each class.",
                      "From how many cultivars may a wine be?", _with(cultivar={"outputs": 13})),
        Misconception("one output more than there are classes", "The file counts 1, 2, 3, so output number 3 must exist.",
                      "What do you subtract from the labels when you read them?", _with(cultivar={"outputs": 4})),
        Misconception("findings have to share one probability", "A softmax is what a classifier ends in, and findings are classes.",
                      "If pneumonia becomes more likely, does an enlarged heart become less so?", _with(findings=_ONE_CLASS)),
        Misconception("one output for many yes-or-no questions", "A yes or no needs one number.", "How many questions are asked of one image?",
                      _with(findings={"outputs": 1})),
        Misconception("logits are cut at one half", "A probability is cut at one half.", "Which logit has the probability one half?",
                      _with(findings={"answer": "above 0.5"})),
        Misconception("only the most likely finding is reported", "The largest output is the answer nearly everywhere.",
                      "What should be reported for a healthy chest? And for two findings?", _with(findings={"answer": "largest"})),
        Misconception("classes that exclude each other are asked one by one", "Each class gets a yes or no.",
                      "How many of the classes are right for one example?", _with(digit=_YES_OR_NO, cultivar=_YES_OR_NO)),
        Misconception("every value is a class of its own", "The values in the table are whole numbers, from 25 to 346.",
                      "Is 152 as wrong as 346 where 151 is right?", _with(progression={"outputs": 346, **_ONE_CLASS})),
        Misconception("every value between the least and the greatest is a class", "322 whole numbers lie from 25 to 346.",
                      "Is 152 as wrong as 346 where 151 is right?", _with(progression={"outputs": 322, **_ONE_CLASS})),
        Misconception("a number is pressed between 0 and 1", "Outputs are probabilities.", "What is the answer in: years, millimetres, points?",
                      _with(progression={"loss": "binary cross-entropy"})),
        Misconception("an output for every feature that goes in", "The table has ten columns.", "How many numbers come out for one patient?",
                      _with(progression={"outputs": 10})),
        Misconception("the tag O is forgotten", "O means that there is nothing.", "What does the head say at a word that is no name?",
                      _with(tags={"outputs": 8})),
        Misconception("a tag for each type only", "There are four types of names.", "How does the head say where a name begins?",
                      _with(tags={"outputs": 4})),
        Misconception("a tag for each type, and O", "There are four types of names, and nothing; but a name's beginning has another tag than its inside.",
                      "How does the head say where a name begins?", _with(tags={"outputs": 5})),
        Misconception("a beginning and an inside for O as well", "Types come in pairs of tags; O stands alone, since it begins nowhere.",
                      "How many tags are not of a type?", _with(tags={"outputs": 10})),
        Misconception("all places at once", "There are 64 places, and each has its answer; but one head is used at every place.",
                      "How many numbers are asked for one place?", _with(tags={"outputs": 64 * 9}, next_token={"outputs": 64 * 5000})),
        Misconception("each tag or token gets a yes or no", "Several of them occur in a text; at one place there is one.",
                      "How many tags are right at one place?", _with(tags=_YES_OR_NO, next_token=_YES_OR_NO)),
        Misconception("an output for every place", "There are as many answers as places.", "The same head is used at every place: what must one place be able to say?",
                      _with(tags={"outputs": 64}, next_token={"outputs": 64})),
        Misconception("the next token's number is fitted as an amount", "Tokens are numbers in the computer.",
                      "Are tokens 17 and 18 alike?", _with(next_token=_NUMBER)),
        Misconception("the next token comes out as itself", "One token is wanted, so one output looks like enough; but the loss compares scores of all tokens.",
                      "How many scores does it take to choose one of 5,000?", _with(next_token={"outputs": 1, "answer": "itself"})),
        Misconception("one answer for the whole text", "The network sees one text.", "How many tokens follow how many tokens?",
                      _with(next_token={"outputs": 1})),
    ),
)

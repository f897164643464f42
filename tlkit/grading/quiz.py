"""Quizzes: questions on the page, letters as the answer, an explanation for every choice."""

import re

from tlkit.exercises import find_exercise
from tlkit.exercises.record import Quiz
from tlkit.grading.card import marked
from tlkit.grading.compare import in_words
from tlkit.grading.encoding import as_plain
from tlkit.grading.subject import Subject
from tlkit.grading.verdict import Outcome, Verdict

_LETTERS = "abcdefgh"
_WRONG = "△ not yet"


class QuizPage:
    """The questions of a quiz, drawn in a notebook or printed as text."""

    def __init__(self, quiz: Quiz):
        self.quiz = quiz

    def __repr__(self) -> str:
        lines = []
        for number, question in enumerate(self.quiz.questions, 1):
            lines.append(f"{number}. {question.text}")
            lines += [f"   {letter}) {choice.text}" for letter, choice in zip(_LETTERS, question.choices)]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        def choices(question):
            return "".join(f"<li>{marked(choice.text)}</li>" for choice in question.choices)

        questions = "".join(
            f'<li style="margin-bottom:8px">{marked(question.text)}'
            f'<ol type="a" style="list-style-type:lower-alpha">{choices(question)}</ol></li>'
            for question in self.quiz.questions
        )
        return f'<ol class="tlkit-quiz">{questions}</ol>'


def quiz(quiz_id: str) -> QuizPage:
    """The questions of a quiz, to be answered in the cell below as a list of letters.

    Raises:
        TlkitError: there is no such quiz.
    """
    return QuizPage(find_exercise(quiz_id))


def judge_quiz(record: Quiz, subject: Subject) -> Verdict:
    """Judge a list of letters: each right one earns its share, and each wrong one is explained."""
    share = record.points / len(record.questions)

    def verdict(outcome: Outcome, points: float = 0.0, **more) -> Verdict:
        return Verdict(record.id, record.title, outcome, float(points), float(record.points), **more)

    try:
        answers = subject.value()
    except KeyError:
        return verdict(Outcome.NOT_ATTEMPTED, message=f"`{record.name}` is not defined: run the cell above first.")
    if answers is Ellipsis or answers in ([], [...], (), (...,)):
        return verdict(Outcome.NOT_ATTEMPTED, message=f"Put one letter for each of the {len(record.questions)} "
                       f'questions into `{record.name}`, for example ["a", "c", ...], run that cell, then this one.')
    if type(answers) not in (list, tuple) or len(answers) != len(record.questions):
        return verdict(Outcome.NOT_YET, message=f"`{record.name}` is {in_words(as_plain(answers))}; a list of "
                       f"{len(record.questions)} letters is due, one for each question; `...` skips one.")
    notes, right = [], 0
    for number, (question, answer) in enumerate(zip(record.questions, answers), 1):
        letter = answer.strip().lower() if type(answer) is str else answer
        allowed = _LETTERS[: len(question.choices)]
        if letter is Ellipsis:
            notes.append(f"{number}. not answered yet")
        elif type(letter) is not str or len(letter) != 1 or letter not in allowed:
            notes.append(f"{number}. {in_words(as_plain(answer))} is none of the letters {', '.join(allowed)}")
        else:
            choice = question.choices[allowed.index(letter)]
            right += choice.right
            notes.append(f"{number}. {letter}) {'✓ right' if choice.right else _WRONG}: {choice.explanation}")
    outcome = Outcome.RIGHT if right == len(record.questions) else Outcome.NOT_YET
    points = record.points if outcome is Outcome.RIGHT else right * share
    return verdict(outcome, points, notes=tuple(notes))


def wrong_choices(verdict: Verdict) -> list[tuple[int, str, str]]:
    """(number of the question, letter, explanation) of every wrong choice that a quiz's verdict tells of."""
    found = (re.match(rf"(\d+)\. ([{_LETTERS}])\) {_WRONG}: (.*)", note, re.DOTALL) for note in verdict.notes)
    return [(int(each[1]), each[2], each[3]) for each in found if each]

"""Quizzes: letters in, explanations out."""

import pytest

from tlkit import quiz
from tlkit.exercises import all_exercises
from tlkit.exercises.record import Quiz
from tlkit.grading.engine import Outcome
from tlkit.grading.quiz import judge_quiz
from tlkit.grading.subject import LocalSubject

QUIZZES = [record for record in all_exercises() if isinstance(record, Quiz)]


def verdict(record, answers):
    return judge_quiz(record, LocalSubject({record.name: answers}, record.name))


@pytest.mark.parametrize("record", QUIZZES, ids=lambda record: record.id)
def test_the_right_letters_earn_every_point(record):
    letters = [question.right_letter for question in record.questions]
    assert verdict(record, letters).outcome is Outcome.RIGHT
    assert verdict(record, tuple(letter.upper() for letter in letters)).points == record.points


@pytest.mark.parametrize("record", QUIZZES, ids=lambda record: record.id)
def test_one_wrong_letter_costs_one_share_and_is_explained(record):
    letters = [question.right_letter for question in record.questions]
    letters[0] = next(letter for letter in "abc" if letter != letters[0])
    result = verdict(record, letters)
    assert result.points == pytest.approx(record.points * (1 - 1 / len(letters)))
    wrong = record.questions[0].choices["abc".index(letters[0])]
    assert wrong.explanation in result.notes[0]


@pytest.mark.parametrize("record", QUIZZES, ids=lambda record: record.id)
@pytest.mark.parametrize("untouched", [..., [...], []])
def test_the_untouched_list_is_not_attempted(record, untouched):
    assert verdict(record, untouched).outcome is Outcome.NOT_ATTEMPTED


@pytest.mark.parametrize("record", QUIZZES, ids=lambda record: record.id)
@pytest.mark.parametrize("odd", ["abc", ["a"], [1] * 5, ["z"] * 5, {"a": 1}, [["a"]] * 5, None])
def test_odd_answers_are_not_yet_with_a_word_why(record, odd):
    result = verdict(record, odd)
    assert (result.outcome, result.points) == (Outcome.NOT_YET, 0)
    assert result.message or result.notes


def test_the_page_shows_every_question_and_no_explanation():
    record = QUIZZES[0]
    page = quiz(record.id)._repr_html_()
    for question in record.questions:
        assert all(choice.explanation not in page for choice in question.choices)
    assert page.count("<ol type=") == len(record.questions)

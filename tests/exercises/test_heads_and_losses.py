"""What is special about the exercises of unit 02."""

from tlkit import load_task
from tlkit.exercises.heads_and_losses.choose import TASKS, ends_due
from tlkit.grading.check import verdict_on


def test_the_check_of_a_choice_does_not_show_what_is_due():
    wrong = {**ends_due(), "cultivar": {"outputs": 4, "loss": "cross-entropy", "answer": "largest"}}
    failing = verdict_on("02.choose", {"ends": wrong}).failing
    assert "4 is not right" in failing.got
    assert not {character for character in failing.expected if character.isdigit()}


def test_the_tasks_to_choose_for_are_those_of_the_data():
    assert TASKS["digit"][1] == len(load_task("digits").classes)
    assert TASKS["progression"][0] == load_task("diabetes").kind
    progression = [value for split in load_task("diabetes").splits.values() for value in split.labels.tolist()]
    assert (min(progression), max(progression)) == (25, 346)

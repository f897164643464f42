"""Demonstrations with learners' answers say what is missing, and never call a finished answer unfinished."""

import pytest

from tlkit.explore.yours import finished, needs


@pytest.mark.parametrize("nothing", [None, ...])
def test_what_is_not_written_comes_first(nothing, capsys):
    for exercises in ("exercise 3", "exercises 3 and 4"):
        with needs(exercises):
            finished(nothing)
            print("never said")
    assert capsys.readouterr().out == "Not yet: exercise 3 comes first.\nNot yet: exercises 3 and 4 come first.\n"


def test_an_answer_that_fails_is_told_what_stopped_it(capsys):
    with needs("exercise 3"):
        finished([1.0])[1]
    assert capsys.readouterr().out == "This needs exercise 3. It stopped with IndexError: list index out of range\n"


def test_an_answer_that_works_is_used_and_an_interrupt_ends_the_cell(capsys):
    with needs("exercise 3"):
        print(finished(0.0))
    assert capsys.readouterr().out == "0.0\n"
    with pytest.raises(KeyboardInterrupt), needs("exercise 3"):
        raise KeyboardInterrupt

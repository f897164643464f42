"""The page that tells a learner how far they are: exercises, points and minutes by unit, and what is next."""

import re

from tlkit.course.units import units
from tlkit.exercises import exercises_of
from tlkit.grading.progress_page import ProgressPage

RIGHT = {"tries": 2, "hints_shown": 0, "points": 3.0, "max_points": 3.0, "right_since": "2026-01-01T00:00:00"}


def entry(record, right=True, share=1.0):
    return RIGHT | {"points": float(record.points) * share, "max_points": float(record.points), "right_since": RIGHT["right_since"] if right else None}


def unit(page, number):
    return next(each for each in page.units if each.number == number)


def test_a_beginner_is_sent_to_the_first_exercise_of_the_first_unit():
    page = ProgressPage({})
    assert page.next.id == "00.warm_up"
    assert [each.number for each in page.units] == [each.number for each in units()]
    assert all(each.done == each.points == 0 and each.minutes_left == each.minutes > 0 for each in page.units)


def test_what_is_right_counts_and_what_is_half_right_gives_points_alone():
    first, second, *_ = exercises_of("01")
    page = ProgressPage({first.id: entry(first), second.id: entry(second, right=False, share=0.5)})
    progress = unit(page, "01")
    assert (progress.done, progress.points) == (1, first.points + second.points / 2)
    assert progress.minutes_left == progress.minutes - first.minutes


def test_the_next_exercise_is_the_first_that_is_not_right():
    done = {record.id: entry(record) for record in exercises_of("00")}
    second = exercises_of("01")[1]
    assert ProgressPage(done | {second.id: entry(second)}).next.id == exercises_of("01")[0].id


def test_optional_exercises_are_told_apart_and_never_next():
    counted = {each for unit_ in units() for each in unit_.counted_checks}
    everything = {record.id: entry(record) for each in units() for record in exercises_of(each.number) if record.id in counted}
    page = ProgressPage(everything)
    assert page.next is None and "you are through" in repr(page)
    progress = unit(page, "03")
    assert {record.id for record in progress.optional} == {"03.bce_code", "03.linear", "03.layernorm", "03.attention"}
    assert progress.optional_done == 0 and progress.points == progress.max_points
    done = unit(ProgressPage(everything | {"03.linear": entry(progress.optional[0])}), "03")
    assert (done.optional_done, done.points) == (1, progress.points)


def test_exercises_of_another_version_are_passed_over():
    assert ProgressPage({"77.later": RIGHT}).next.id == "00.warm_up"


def test_table_and_text_say_the_same():
    first = exercises_of("00")[0]
    page = ProgressPage({first.id: entry(first)})
    text, table = repr(page), page._repr_html_()
    assert re.search(r"00 Start here +1 of 2 +2 of 8", text)
    assert '<th scope="col"' in table and 'aria-label="1 of 2 exercises right"' in table
    for said in (page._sum(), "Next: 00.quiz"):
        assert said in text and said in table

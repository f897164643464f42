"""The card: readable without colour, in light and dark themes, and the same words as plain text."""

import re
from html import unescape

import pytest

from tlkit.grading.card import Card, as_html, as_text
from tlkit.grading.verdict import Diagnosis, FailingCase, Outcome, Verdict

NOT_YET = Verdict(
    "01.sample", "a title", Outcome.NOT_YET, 1.5, 3.0, groups={"first part": True, "second part": False},
    failing=FailingCase("a case", "x = [0., 1.]", "the value", "1", "<b>2</b>"),
    diagnosis=Diagnosis("the sign is flipped", "It happens.", "Follow the minus."), hint="Another hint.", notes=("a `note`",),
)


def words(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def test_html_and_text_say_the_same():
    text = as_text(NOT_YET).replace("`", "")
    for line in text.splitlines():
        for part in line.split(": ", 1):
            assert part.strip().removeprefix("Hint") in words(as_html(NOT_YET)) or part.strip() == "Hint"


def test_the_first_thing_to_look_at_comes_first_and_the_parts_last():
    lines = as_text(NOT_YET).splitlines()
    assert lines[0] == "△ 01.sample (a title): not yet, 1.5 of 3 points"
    assert lines[1] == "  Looks like: the sign is flipped"
    assert "  Passed: first part" in lines and "  Not yet: second part" in lines


@pytest.mark.parametrize(("outcome", "sign"), [(Outcome.RIGHT, "✓"), (Outcome.NOT_YET, "△"), (Outcome.NOT_ATTEMPTED, "○")])
def test_the_outcome_is_a_word_and_a_sign(outcome, sign):
    html = as_html(Verdict("01.sample", "t", outcome, 0.0, 1.0))
    assert outcome.value in words(html) and sign in words(html) and 'role="status"' in html


def test_text_takes_the_theme_s_colour():
    html = as_html(NOT_YET)
    assert "color:inherit" in html
    assert not re.search(r"(?<!-)\bcolor:\s*#|background(-color)?:\s*#", html)


def test_rows_are_headed_and_everything_is_escaped():
    html = as_html(NOT_YET)
    assert html.count('<th scope="row"') == len([line for line in as_text(NOT_YET).splitlines()[1:] if ":" in line]) - 1
    assert "<b>2</b>" not in html and "&lt;b&gt;2&lt;/b&gt;" in html


def test_the_hint_is_folded_and_only_there_when_it_is_offered():
    assert "<details" in as_html(NOT_YET) and "Follow the minus." in as_text(NOT_YET)
    early = Card(NOT_YET, with_hint=False)
    assert "Follow the minus." not in early._repr_html_() + repr(early)
    assert "Try once more" in words(early._repr_html_()) and "Try once more" in repr(early)

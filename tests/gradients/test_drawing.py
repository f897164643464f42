"""How a derivation shows itself."""

from html.parser import HTMLParser

import pytest

from tlkit.gradients import derivations, derive
from tlkit.gradients.drawing import as_html


class Page(HTMLParser):
    """Checks that tags close, and gathers attributes and text."""

    def __init__(self, html):
        super().__init__()
        self.open, self.tags, self.words = [], [], ""
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.open.append(tag)
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words += data


@pytest.mark.parametrize("name", derivations())
def test_steps_are_a_numbered_list_with_a_text_for_every_formula(name):
    derivation = derive(name)
    page = Page(derivation._repr_html_())
    formulas = [attributes["aria-label"] for _, attributes in page.tags if attributes.get("role") == "math"]
    assert formulas == [line.plain for line in derivation.lines]
    assert page.tags[0][0] == "section" and derivation.title in page.tags[0][1]["aria-label"]
    assert page.words.count("✓") + page.words.count("✗") == sum(1 + (p.follows is not None) for p in derivation.proofs)
    assert page.words.count("$") == 2 * len(derivation.lines)
    assert all(line.why in page.words for line in derivation.lines)


@pytest.mark.parametrize("name", derivations())
def test_braces_of_every_formula_close(name):
    for line in derive(name).lines:
        assert line.latex.count("{") == line.latex.count("}"), line.plain
        assert line.latex.count(r"\left") == line.latex.count(r"\right"), line.plain


def test_what_does_not_hold_is_said_in_words_and_not_by_colour_alone():
    page = Page(derive("source_4_2")._repr_html_())
    assert page.words.count("✗ not true:") == 2
    assert "✗ does not follow from line 1: at " in page.words
    assert "Not true: line 2, 3." in page.words
    assert "True, but it does not follow: line 4." in page.words


def test_a_derivation_can_be_walked_through():
    html = [as_html(derive("bce_with_logits"), upto) for upto in range(1, 8)]
    assert [page.count('role="math"') for page in html] == list(range(1, 8))


def test_in_a_terminal_it_is_text():
    text = repr(derive("lora"))
    assert text.splitlines()[0] == "A low-rank update (LoRA)"
    assert "  2. dL/dB = c G^T H" in text
    assert "\\frac" not in text

"""What a graded notebook may hold when somebody opens it."""

import nbformat
import pytest
from nbformat import v4

from tests.grading.conftest import graded
from tlkit.grading.harmless import make_harmless


def notebook(*cells):
    return v4.new_notebook(cells=list(cells))


@pytest.mark.parametrize("text", ["a < b, and 3 > 2", "**bold**, `code`, $x < y$", "see [the paper](https://example.org)"])
def test_plain_texts_stay_as_they_are(text):
    made = notebook(v4.new_markdown_cell(text))
    assert make_harmless(made, notebook()) == [] and made.cells[0].source == text


@pytest.mark.parametrize("text", ["<b>x</b>", "![x](http://a/x.png)", "![x][p]\n\n[p]: http://a", '<a href="java&#115;cript:x">', "<!-- x -->"])
def test_what_could_run_or_fetch_is_shown_as_it_was_typed(text):
    made = notebook(v4.new_markdown_cell(text))
    make_harmless(made, notebook())
    assert made.cells[0].source.endswith(f"```text\n{text}\n```")


def test_what_the_release_holds_stays():
    released = notebook(v4.new_markdown_cell("<b>x</b> ![p](picture.png)"))
    made = notebook(v4.new_markdown_cell(released.cells[0].source))
    assert make_harmless(made, released) == [] and made.cells[0].source == released.cells[0].source


def test_scripts_in_outputs_are_dropped_and_told_and_tables_are_dropped():
    def shows(**data):
        output = v4.new_output("display_data", data={kind.replace("_", "/"): value for kind, value in data.items()})
        output.metadata = nbformat.NotebookNode(image=1)
        return v4.new_code_cell("x", outputs=[output])

    made = notebook(shows(text_html="<table><style>x</style>", text_plain="t"), shows(text_html="<script>x</script>", text_plain="t"),
                    shows(application_javascript="x"))
    notes = make_harmless(made, notebook())
    assert len(notes) == 2 and all("a script, a frame or a form, which was taken out" in note for note in notes)
    assert [dict(cell.outputs[0].data) for cell in made.cells] == [{"text/plain": "t"}, {"text/plain": "t"}, {}]
    assert not any(cell.outputs[0].metadata for cell in made.cells)


def test_the_card_of_a_check_stays():
    card = v4.new_code_cell("check('x')", outputs=[v4.new_output("display_data", data={"text/html": "<b>right</b>"})], id="c")
    made = notebook(graded(card, grade=True, locked=True, points=1))
    assert make_harmless(made, notebook()) == [] and "right" in str(made.cells[0].outputs)

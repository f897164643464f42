"""The feedback page: what it shows in place of pictures, and that what is kept rendered does not mix."""

import base64
from io import BytesIO

import nbformat
import pytest
from bs4 import BeautifulSoup
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image

from tlkit.grading.feedback import feedback_page


def picture(metadata):
    buffer = BytesIO()
    Image.new("L", (2, 2)).save(buffer, "PNG")
    data = {"image/png": base64.b64encode(buffer.getvalue()).decode()}
    return new_notebook(cells=[new_code_cell("draw()", outputs=[new_output("display_data", data=data, metadata=metadata)])])


def page(notebook: nbformat.NotebookNode) -> BeautifulSoup:
    return BeautifulSoup(feedback_page(notebook, [], "a"), "html.parser")


@pytest.mark.parametrize("metadata, said", [
    ({"image/png": {"alt": "accuracy rises with labels"}}, "accuracy rises with labels"),
    ({"image/png": {"alt": '"><script>alert(1)</script>'}}, '"><script>alert(1)</script>'),
    ({"image/png": {"alt": 7}}, "a picture without a description"),
    ({"image/png": 3}, "a picture without a description"),
    ({}, "a picture without a description"),
])
def test_a_picture_says_what_its_author_said_of_it_and_nothing_of_that_runs(metadata, said):
    found = page(picture(metadata))
    assert [image["alt"] for image in found.select("img")] == [said] and "alert" not in "".join(map(str, found.select("script")))


def test_one_text_as_code_as_text_and_as_output_is_three_things_and_a_second_page_is_the_first():
    text = "# import <b>x</b>"
    cells = [new_code_cell(text, outputs=[new_output("display_data", data={"text/html": text})]), new_markdown_cell(text)]
    first = page(new_notebook(cells=cells))
    assert first.select("div.highlight .c1")[0].text == text and first.select("h1")[-1].find("b").text == "x"
    assert first.select("div.output_html b")[0].text == "x" and len(first.select("div.output_html h1")) == 0
    assert page(new_notebook(cells=cells)) == first

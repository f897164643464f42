"""What a notebook of the course must do in a browser, as a learner takes it. `test_even_notebooks` and `test_odd_notebooks`
ask it of every notebook that there is: two files, so that two processes share them.

A notebook is visited once: opened, run, its figures moved, its exercises answered, then looked at in other windows and colours.
The claims follow one another in this order.
"""

import time

import pytest
from playwright.sync_api import expect

from tests.browser.answers import right_answers, wrong_answer
from tests.browser.chromium import WINDOW
from tests.browser.explorable import Explorable
from tests.browser.looking import faults, outside
from tests.browser.page import NotebookPage
from tests.browser.server import running_lab
from tests.course.conftest import NOTEBOOKS
from tlkit.course.units import CHECK, read_json
from tlkit.exercises import find_exercise

NARROW = {"width": 480, "height": 900}
ZOOMED = {"width": WINDOW["width"] // 2, "height": WINDOW["height"] // 2}
"""What a browser's 200 % leave of the window, in CSS pixels."""


@pytest.fixture(scope="module")
def lab(browser, tmp_path_factory):
    """A JupyterLab for these alone: what they answer counts as the learner's progress."""
    with running_lab(tmp_path_factory.mktemp("lab"), "01") as running:
        yield running


def visits(names: list[str]):
    """A fixture: each notebook, opened and run from top to bottom once."""

    @pytest.fixture(scope="module", params=names)
    def unit(request, browser, lab, took):
        path, began = NOTEBOOKS[request.param], time.monotonic()
        context = browser.new_context(viewport=WINDOW)
        notebook = NotebookPage(context.new_page(), lab, f"{path.parent.name}/{path.name}")
        try:
            notebook.hide_file_browser()
            notebook.run_all()
            yield notebook
        finally:
            notebook.shut_down()
            context.close()
        took.append(f"{path.stem} was visited in {time.monotonic() - began:.0f} s")

    return unit


def exercises(unit: NotebookPage) -> list[tuple]:
    """(record, answer's cell, check's cell) of every exercise of the notebook, in order."""
    checks = [(CHECK.fullmatch("".join(cell["source"]).strip()), cell["id"]) for cell in read_json(unit.lab.work / unit.path)["cells"]]
    return [(find_exercise(check[2]), check[2].replace(".", "-"), cell_id) for check, cell_id in checks if check]


class Claims:
    """To be inherited by a class of tests, beside a fixture `unit` that `visits` made."""

    @pytest.fixture(autouse=True)
    def nothing_to_complain_about(self, unit):
        """After every test: no traceback, no pop-up, no error on the browser's console, no request to elsewhere."""
        yield
        expect(unit.errors).to_have_count(0)
        expect(unit.dialog).to_have_count(0)
        said, unit.complaints = unit.complaints, []
        assert said == []

    def test_it_runs_and_waits_for_answers(self, unit):
        cards, due = unit.panel.locator(".tlkit-card"), len(exercises(unit))
        expect(cards.filter(has_text="not attempted, 0 of")).to_have_count(due)

    def test_every_picture_has_words(self, unit):
        pictures = unit.panel.locator(".jp-OutputArea-output img")
        expect(pictures.first).to_be_attached()
        assert [alt for alt in pictures.evaluate_all("all => all.map(one => one.alt)") if len(alt.split()) < 4] == []

    def test_every_figure_follows_keys_and_mouse(self, unit):
        figures = unit.panel.locator(".tlkit-explorable")
        assert figures.count() > 0, "every notebook has a figure with controls"
        for index in range(figures.count()):
            figure = Explorable(unit, figures.nth(index))
            reached, there = figure.visit_with_tab()
            assert reached == there > 0
            assert figure.drive() > 0

    def test_a_wrong_answer_is_told_what_is_wrong(self, unit):
        for record, answer, check in exercises(unit):
            source, told = wrong_answer(record)
            card = unit.answer(answer, source, check)
            expect(card).to_contain_text(f"{record.id} ({record.title}): not yet, ".replace("`", ""))
            expect(card).to_contain_text(told.replace("`", ""))

    @pytest.mark.parametrize("theme", ["Light", "Dark"])
    def test_axe_finds_no_serious_fault(self, unit, theme):
        unit.show_every_cell()
        unit.choose_theme(f"JupyterLab {theme}")
        found = faults(unit.page)
        unit.long_shot(f"{unit.name}-{theme.lower()}", 1100)
        unit.choose_theme("JupyterLab Light")
        assert found == []

    @pytest.mark.parametrize(("window", "size"), [("narrow", NARROW), ("zoomed", ZOOMED)])
    def test_nothing_is_cut_off(self, unit, window, size):
        unit.page.set_viewport_size(size)
        found = outside(unit.page)
        unit.long_shot(f"{unit.name}-{window}", size["width"])
        unit.page.set_viewport_size(WINDOW)
        assert found == []

    def test_a_right_answer_is_right(self, unit):
        right = right_answers(unit.path.removesuffix(".ipynb"))
        for record, answer, check in exercises(unit):
            expect(unit.answer(answer, right[answer], check)).to_contain_text(f": right, {record.points:.3g} of {record.points:.3g} points")

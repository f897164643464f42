"""Unit 01 as a learner takes it: in JupyterLab, in a browser, with a mouse and a keyboard."""

import json
import time
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.page import NotebookPage
from tlkit.course.build import read_source
from tlkit.course.units import find_unit

pytestmark = pytest.mark.browser

SOURCE = Path(__file__).parents[2] / "solutions" / "01_why_transfer" / "01_why_transfer.py"
WITH_REPLACEMENT = """def stratified_sample(labels, labels_per_class, seed):
    rng = np.random.default_rng(seed)
    chosen = []
    for name in np.unique(labels):
        pool = np.flatnonzero(labels == name)
        if len(pool) < labels_per_class:
            raise ValueError("too few examples")
        chosen += list(rng.choice(pool, labels_per_class))
    return chosen"""


@pytest.fixture(scope="module")
def solutions() -> dict[str, str]:
    """grade_id -> answer, as the unit's source has it."""
    return {cell.metadata.nbgrader.grade_id: cell.source for cell in read_source(SOURCE).cells
            if cell.metadata.get("nbgrader", {}).get("solution")}


@pytest.fixture(scope="module")
def unit(page, lab, took):
    """The unit, opened and run from top to bottom once."""
    began = time.monotonic()
    notebook = NotebookPage(page, lab, "01_why_transfer/01_why_transfer.ipynb")
    took.append(f"unit 01 was open {time.monotonic() - began:.1f} s later")
    notebook.shot("01-opened")
    began = time.monotonic()
    notebook.run_all()
    took.append(f"Run All took {time.monotonic() - began:.1f} s")
    return notebook


@pytest.fixture(autouse=True)
def nothing_to_complain_about(unit, request):
    """After every test, the first with what went before it: no error on the browser's console, no request to elsewhere."""
    yield
    unit.shot(request.node.name)
    said, unit.complaints = unit.complaints, []
    assert said == []


def explorable(unit):
    """The figure with its sliders, moved into view."""
    output = unit.output(unit.cell_with("explore_learning_curves()"))
    expect(output.locator("img")).to_be_visible()
    output.scroll_into_view_if_needed()
    return output


def test_it_runs_without_an_error_and_without_a_pop_up(unit):
    expect(unit.errors).to_have_count(0)
    expect(unit.dialog).to_have_count(0)
    expect(unit.panel.locator(".tlkit-card")).to_have_count(7)
    expect(unit.panel.locator(".tlkit-card").filter(has_text="not attempted, 0 of")).to_have_count(7)


def test_every_picture_has_words_for_those_who_cannot_see_it(unit):
    pictures = unit.panel.locator(".jp-OutputArea-output img")
    expect(pictures.first).to_be_attached()
    assert [alt for alt in pictures.evaluate_all("all => all.map(one => one.alt)") if len(alt.split()) < 4] == []


def test_the_first_slider_moves_from_the_keyboard_and_the_figure_follows(unit):
    output = explorable(unit)
    picture, table = output.locator("img"), output.locator("table")
    before, numbers = picture.get_attribute("src"), table.text_content()
    expect(table).to_contain_text("accuracy at 5 per class")
    unit.cell_with("explore_learning_curves()").locator(".cm-content").click()
    unit.page.keyboard.press("Escape")
    unit.tab_to(output.locator(".noUi-handle").first)
    unit.page.keyboard.press("ArrowRight")
    expect(table).to_contain_text("accuracy at 10 per class")
    expect(picture).not_to_have_attribute("src", before)
    unit.page.keyboard.press("ArrowLeft")
    expect(table).to_contain_text("accuracy at 5 per class")
    expect(picture).to_have_attribute("src", before)
    assert table.text_content() == numbers


def test_the_second_slider_moves_with_the_mouse_and_the_figure_follows(unit):
    output = explorable(unit)
    picture, table = output.locator("img"), output.locator("table")
    before = picture.get_attribute("src")
    expect(table).to_contain_text("needed for 0.90")
    handle = output.locator(".noUi-handle").last
    handle.hover()  # waits until it no longer moves
    box = handle.bounding_box()
    unit.page.mouse.down()
    unit.page.mouse.move(box["x"] + box["width"] / 2 - 20, box["y"] + box["height"] / 2, steps=4)
    unit.page.mouse.up()
    expect(table).not_to_contain_text("needed for 0.90")
    expect(table).to_contain_text("needed for 0.8")
    expect(picture).not_to_have_attribute("src", before)
    expect(unit.errors).to_have_count(0)


def test_a_wrong_answer_is_told_its_misconception_by_name_and_a_right_one_is_right(unit, solutions):
    card = unit.answer("01-sample", WITH_REPLACEMENT)
    expect(card).to_contain_text("not yet")
    expect(card).to_contain_text("drawn with replacement")
    card = unit.answer("01-sample", WITH_REPLACEMENT)  # the second try offers the hint
    card.get_by_text("A hint").click()
    expect(card).to_contain_text("Look up what replace is by default")
    unit.shot("01-misconception")
    card = unit.answer("01-sample", solutions["01-sample"])
    expect(card).to_contain_text("right, 3 of 3 points")
    expect(card).not_to_contain_text("replacement")


def test_the_quiz_explains_a_wrong_choice(unit):
    card = unit.answer("01-quiz", 'answers = ["a", "a", "b", "b", "c"]')
    expect(card).to_contain_text("not yet, 4 of 5 points")
    expect(card).to_contain_text("In a few steps on a few labels a network does not unlearn")


def test_validate_says_what_is_wrong_until_everything_is_right(unit, solutions):
    wrong = {"01-sample": WITH_REPLACEMENT, **{name: text for name, text in solutions.items() if name != "01-sample"}}
    for grade_id, answer in wrong.items():
        unit.write(unit.cell(grade_id), answer)
    unit.save()
    said = unit.validate("01-validate-failed")
    assert "The following cell failed" in said and 'check("01.sample")' in said
    assert "drawn with replacement" in said
    assert "01.probe" not in said

    unit.write(unit.cell("01-sample"), solutions["01-sample"])
    unit.save()
    assert unit.validate("01-validate-success").strip() == "Success! Your notebook passes all the tests."


def test_what_was_typed_is_in_the_learners_file_and_no_other_file_appears_beside_it(unit, lab):
    note = "guess = {'pixels': 0.9, 'scratch': 0.8, 'linear_probe': 0.9, 'finetuned': 0.95}"
    unit.write(unit.cell("predict-2"), note)
    unit.save()
    folder = (lab.work / unit.path).parent
    here = {path.name for path in folder.iterdir()} - {".ipynb_checkpoints"}
    assert here == {path.name for path in find_unit("01").folder.iterdir()}
    cells = json.loads((lab.work / unit.path).read_text(encoding="utf-8"))["cells"]
    assert ["".join(cell["source"]) for cell in cells if cell["id"] == "predict-2"] == [note]

"""Unit 00 as a newcomer takes it: the three outcomes of a check, and the map of concepts with mouse and keyboard."""

import pytest
from playwright.sync_api import expect

from tests.browser.page import NotebookPage

pytestmark = [pytest.mark.browser, pytest.mark.slow]

COUNTED = "def accuracy(predicted, labels):\n    return (predicted == labels).sum()"
RIGHT = """def accuracy(predicted, labels):
    if len(predicted) != len(labels) or len(labels) == 0:
        raise ValueError("nothing to judge")
    return (predicted == labels).mean()"""


@pytest.fixture(scope="module")
def unit(page, lab):
    notebook = NotebookPage(page, lab, "00_start_here/00_start_here.ipynb")
    notebook.run_all()
    return notebook


@pytest.fixture(autouse=True)
def nothing_to_complain_about(unit, request):
    yield
    unit.shot(request.node.name)
    said, unit.complaints = unit.complaints, []
    assert said == []


@pytest.fixture
def the_map(unit):
    output = unit.output(unit.cell_with("explore_concept_map()"))
    expect(output.locator("img")).to_be_visible()
    output.scroll_into_view_if_needed()
    return output


def test_it_runs_without_an_error(unit):
    expect(unit.errors).to_have_count(0)
    expect(unit.dialog).to_have_count(0)
    unit.page.keyboard.press("Control+b")


def test_the_warm_up_shows_all_three_outcomes(unit):
    expect(unit.cell("00-warm_up-check").locator(".tlkit-card")).to_contain_text("not attempted")
    expect(unit.answer("00-warm_up", COUNTED)).to_contain_text("a sum where a mean is due")
    unit.shot("00-not-yet")
    expect(unit.answer("00-warm_up", RIGHT)).to_contain_text("right, 2 of 2 points")


def test_a_click_on_the_map_explains_a_concept(unit, the_map):
    before = the_map.locator("img").get_attribute("src")
    the_map.get_by_role("button", name="distillation").click()
    expect(the_map).to_contain_text("知识蒸馏")
    expect(the_map.locator("mjx-container, .MathJax")).not_to_have_count(0)
    expect(the_map.locator("img")).not_to_have_attribute("src", before)
    the_map.locator("li").last.scroll_into_view_if_needed()


def test_the_map_works_from_the_keyboard(unit, the_map):
    the_map.get_by_role("button", name="loss").focus()
    unit.page.keyboard.press("Enter")
    expect(the_map).to_contain_text("损失函数")
    unit.page.keyboard.press("Tab")
    unit.page.keyboard.press("Space")
    expect(the_map).to_contain_text("新任务数据")


def test_buttons_lie_on_the_boxes_of_the_picture(unit, the_map):
    picture = the_map.locator("img").bounding_box()
    button = the_map.get_by_role("button", name="self-supervision").bounding_box()
    assert abs(button["x"] - picture["x"] - 21) <= 3 and abs(button["y"] - picture["y"] - 20) <= 3
    assert (round(picture["width"]), round(picture["height"])) == (800, 336)


def test_progress_knows_what_was_done_just_now(unit):
    cell = unit.cell_with("progress()")
    unit.run(cell)
    output = unit.output(cell)
    expect(output).to_contain_text("1 of 2")
    expect(output).to_contain_text("Next: 00.quiz")
    output.scroll_into_view_if_needed()


def test_after_a_reload_outputs_are_there_and_the_kernel_goes_on(unit, the_map):
    unit.save()
    unit.reload()
    check = unit.cell("00-warm_up-check")
    expect(check.locator(".tlkit-card")).to_contain_text("right, 2 of 2 points")
    unit.run(check)
    expect(check.locator(".tlkit-card")).to_contain_text("right, 2 of 2 points")
    the_map.get_by_role("button", name="PEFT").click()
    expect(the_map).to_contain_text("参数高效微调")


def test_a_second_notebook_beside_has_a_kernel_of_its_own(unit, lab):
    beside = NotebookPage(unit.page.context.new_page(), lab, "03_gradients/03_gradients.ipynb")
    cell = beside.panel.locator(".jp-CodeCell").first
    beside.write(cell, '"accuracy" in globals()')
    beside.run(cell)
    expect(beside.output(cell)).to_contain_text("False")
    check = unit.cell("00-warm_up-check")
    unit.run(check)
    expect(check.locator(".tlkit-card")).to_contain_text("right, 2 of 2 points")
    assert beside.complaints == []
    beside.shut_down()
    beside.page.close()


def test_after_a_restart_of_the_kernel_a_check_says_what_to_run(unit):
    unit.menu("Kernel", "Restart Kernel…")
    unit.dialog.get_by_role("button", name="Confirm Kernel Restart").click()
    expect(unit.dialog).to_have_count(0)
    unit.wait_until_idle()
    unit.run(unit.cell("predict-3"))
    check = unit.cell("00-warm_up-check")
    unit.run(check)
    expect(check.locator(".tlkit-card")).to_contain_text("after a restart of the kernel, run the cells from the top")

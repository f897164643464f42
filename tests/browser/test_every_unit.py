"""Every notebook of the course opens in JupyterLab, with a kernel and without anything in the way."""

import pytest
from playwright.sync_api import expect

from tests.browser.page import NotebookPage
from tlkit.course.units import units

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("path", [f"{unit.name}/{path.name}" for unit in units() for path in unit.notebooks])
def test_a_notebook_opens_with_a_kernel_and_without_a_pop_up(browser, lab, path):
    context = browser.new_context()
    notebook = NotebookPage(context.new_page(), lab, path)
    expect(notebook.dialog).to_have_count(0)
    expect(notebook.panel.locator(".jp-Toolbar-kernelName")).to_have_text("Python 3 (ipykernel)")
    expect(notebook.panel.get_by_role("button", name="Validate")).to_be_visible()
    assert notebook.complaints == []
    notebook.shut_down()
    context.close()

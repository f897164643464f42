"""The README's picture of unit 01, taken in a real JupyterLab: `python -m tests.browser.pictures`."""

import io
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Locator, expect, sync_playwright

from tests.browser.chromium import WINDOW, launch
from tests.browser.page import NotebookPage
from tests.browser.server import running_lab
from tests.browser.test_unit_01 import WITH_REPLACEMENT

PICTURE = Path(__file__).parents[2] / "docs" / "pictures" / "unit-01.png"
MOST_BYTES = 300_000


def take(path: Path = PICTURE) -> Path:
    """The figure with its sliders on the left, an answer and what its check says on the right.

    Raises:
        ValueError: the picture is too large for a README.
    """
    with tempfile.TemporaryDirectory() as folder, running_lab(Path(folder), "01") as lab, sync_playwright() as playwright:
        page = launch(playwright).new_page(viewport=WINDOW)
        unit = NotebookPage(page, lab, "01_why_transfer/01_why_transfer.ipynb")
        page.keyboard.press("Control+b")  # the file browser away
        setup, figure = unit.cell("see-2"), unit.cell_with("explore_learning_curves()")
        unit.run(setup)
        unit.run(figure)
        expect(unit.output(figure).locator("img")).to_be_visible()
        unit.answer("01-sample", WITH_REPLACEMENT)
        unit.save()
        unit.menu("File", "New View for Notebook")
        panels = page.locator(".jp-NotebookPanel")
        expect(panels).to_have_count(2)
        expect(panels.last.locator(".tlkit-card")).to_have_count(1)
        to_top(unit.cell("see-6").locator("p").last)
        to_top(panels.last.get_by_role("heading", name="Exercise 1"))
        page.mouse.move(WINDOW["width"] - 5, WINDOW["height"] / 2)
        path.parent.mkdir(parents=True, exist_ok=True)
        shot = Image.open(io.BytesIO(page.screenshot()))
    shot.convert("RGB").save(path, optimize=True)
    if path.stat().st_size > MOST_BYTES:
        raise ValueError(f"{path} has {path.stat().st_size} bytes, more than {MOST_BYTES}")
    return path


def to_top(element: Locator) -> None:
    """Scroll an element to the top of its view; again once the browser has laid out what came into view."""
    for _ in range(3):
        element.evaluate("node => new Promise(done => { node.scrollIntoView(); requestAnimationFrame(() => "
                         "requestAnimationFrame(done)) })")


if __name__ == "__main__":
    print(take())

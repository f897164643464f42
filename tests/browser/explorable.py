"""Drives a figure with controls as a reader does: with Tab and keys, and with the mouse."""

from playwright.sync_api import Locator, TimeoutError, expect

_SLIDER, _BUTTON, _BOX = ".noUi-handle", "button.jupyter-button", "input[type=checkbox]"
_SHOWN = "node => [...node.querySelectorAll('.widget-html-content, .widget-htmlmath-content')].map(each => each.innerHTML).join()"
_SET = "node => !node.innerText.includes('$')"  # formulas are set a moment later
_CHANGED = f"([node, before]) => (({_SHOWN})(node) !== before) && ({_SET})(node)"
_IN_FOCUS = """node => node.contains(document.activeElement) ? [...node.querySelectorAll(%r)].indexOf(document.activeElement) : -1"""


class Explorable:
    """A figure with controls.

    Args:
        notebook: the `NotebookPage` that shows it.
        root: what `tlkit.explore.figures.box` made.
    """

    def __init__(self, notebook, root: Locator):
        self.notebook, self.page, self.root = notebook, notebook.page, root
        self.sliders, self.buttons, self.boxes = root.locator(_SLIDER), root.locator(_BUTTON), root.locator(_BOX)
        expect(root.locator("section").first).to_be_visible()
        root.scroll_into_view_if_needed()
        self.page.wait_for_function(_SET, arg=root.element_handle())

    def changes(self, what: str, act) -> None:
        """Do something that is called `what`, and wait until the figure shows something else that is no error."""
        node = self.root.element_handle()
        before = node.evaluate(_SHOWN)
        act()
        try:
            self.page.wait_for_function(_CHANGED, arg=[node, before])
        except TimeoutError:
            raise AssertionError(f"{self.root.locator('section').first.get_attribute('aria-label')}: {what} changes nothing") from None
        expect(self.root).not_to_contain_text("could not be drawn")

    def visit_with_tab(self) -> tuple[int, int]:
        """Press Tab from the figure's cell on, more often than there are controls; how many of them had the focus, and how many there are."""
        controls = ", ".join((_SLIDER, _BUTTON, _BOX))
        node, there = self.root.element_handle(), self.sliders.count() + self.buttons.count() + self.boxes.count()
        self.notebook.select(self.root.locator("xpath=ancestor::*[contains(@class, 'jp-CodeCell')]"))
        reached = set()
        for _ in range(2 * there + 12):
            self.page.keyboard.press("Tab")
            reached.add(node.evaluate(_IN_FOCUS % controls))
        return len(reached - {-1}), there

    def drive(self) -> int:
        """Move every slider, press a button of every group and tick every box, each with keys and with the mouse; how many there were."""
        groups = self.root.locator(".widget-toggle-buttons, .widget-gridbox")
        for index in range(self.sliders.count()):
            slider = self.sliders.nth(index)
            self.changes("an arrow key on a slider", lambda: self._press_arrow(slider))
            self.changes("dragging a slider", lambda: self._drag(slider))
        for index in range(groups.count()):
            free = groups.nth(index).locator("button:not(.mod-active):not(.mod-info)")
            self.changes("Enter on a button", lambda: (free.first.focus(), self.page.keyboard.press("Enter")))
            self.changes("a click on a button", lambda: free.last.click())
        for index in range(self.boxes.count()):
            box = self.boxes.nth(index)
            self.changes("Space on a box", lambda: (box.focus(), self.page.keyboard.press("Space")))
            self.changes("a click on a box", lambda: box.click())
        return self.sliders.count() + groups.count() + self.boxes.count()

    def _press_arrow(self, slider: Locator) -> None:
        at_end = slider.get_attribute("aria-valuenow") == slider.get_attribute("aria-valuemax")
        slider.focus()
        self.page.keyboard.press("ArrowLeft" if at_end else "ArrowRight")

    def _drag(self, slider: Locator) -> None:
        """To the end of the track that is farther away."""
        slider.hover()
        handle, track = slider.bounding_box(), slider.locator("xpath=ancestor::*[contains(@class, 'noUi-target')]").bounding_box()
        to_right = handle["x"] + handle["width"] / 2 < track["x"] + track["width"] / 2
        self.page.mouse.down()
        self.page.mouse.move(track["x"] + to_right * track["width"], handle["y"] + handle["height"] / 2, steps=4)
        self.page.mouse.up()

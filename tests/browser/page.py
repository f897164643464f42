"""What a learner does in JupyterLab, in the learner's words: open, run, type, move a slider, validate.

Every action waits for what it brings about, in the page itself; nothing sleeps. Texts are read with `text_content`:
what lies outside of the window has no `inner_text`, since JupyterLab leaves its layout for later.
"""

import json
import re
from pathlib import Path

from playwright.sync_api import ConsoleMessage, Locator, Page, expect

from tests.browser.server import TOKEN, Lab

SECOND = 1000
READY, RUN, VALIDATED = 60 * SECOND, 400 * SECOND, 240 * SECOND  # on a busy machine; a quiet one takes a fifth
LONGEST = 16_000
"""The height of the tallest picture, in pixels: Chromium draws no taller one."""

expect.set_options(timeout=30 * SECOND)  # most things take a fraction of a second, on a busy machine more

_RAN = re.compile(r"^\[\d+\]:?$")


class NotebookPage:
    """A notebook that is open in JupyterLab.

    Args:
        page: playwright's page.
        lab: the server.
        path: the notebook, relative to `work/`.
    """

    def __init__(self, page: Page, lab: Lab, path: str):
        self.page, self.lab, self.path = page, lab, path
        self.complaints: list[str] = []
        page.on("console", self._listen)
        page.on("pageerror", lambda error: self.complaints.append(f"page error: {error}"))
        page.on("request", self._see_request)
        page.goto(f"{lab.url}lab/tree/{path}?token={TOKEN}&reset")  # else JupyterLab opens what was open before, with a kernel each
        self.panel = page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")
        self._wait_until_open()

    def _wait_until_open(self) -> None:
        expect(self.panel).to_be_visible(timeout=READY)
        expect(self.cells).to_have_count(len(self._content()["cells"]), timeout=READY)
        self.wait_until_idle(READY)

    def _listen(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.complaints.append(f"console: {message.text} ({message.location.get('url', '')})")

    def _see_request(self, request) -> None:
        if not request.url.startswith((self.lab.url, "data:", "blob:")):
            self.complaints.append(f"asked for {request.url}")

    def reload(self) -> None:
        """The browser's own reload, as after a lost connection."""
        self.page.reload()
        self._wait_until_open()

    @property
    def name(self) -> str:
        return Path(self.path).stem

    @property
    def cells(self) -> Locator:
        return self.panel.locator(".jp-Notebook .jp-Cell")

    @property
    def errors(self) -> Locator:
        """Outputs that are a traceback, and figures that the browser could not draw."""
        return self.panel.locator('[data-mime-type="application/vnd.jupyter.error"], .jupyter-widgets-error-widget')

    @property
    def dialog(self) -> Locator:
        return self.page.locator(".jp-Dialog")

    def _content(self) -> dict:
        return json.loads((self.lab.work / self.path).read_text(encoding="utf-8"))

    def cell(self, cell_id: str) -> Locator:
        """The cell with this id, as the file has it."""
        ids = [cell["id"] for cell in self._content()["cells"]]
        return self.cells.nth(ids.index(cell_id))

    def cell_with(self, text: str) -> Locator:
        """The one code cell whose source has this text."""
        return self.panel.locator(".jp-CodeCell").filter(has=self.page.locator(".jp-InputArea", has_text=text))

    def output(self, cell: Locator) -> Locator:
        return cell.locator(".jp-Cell-outputWrapper")

    def menu(self, menu: str, item: str) -> None:
        """Choose an item of a menu, as "Run", "Run All Cells"."""
        self.page.locator(".lm-MenuBar-item", has_text=re.compile(f"^{menu}$")).click()
        self.page.locator(".lm-Menu-item:visible", has=self.page.get_by_text(item, exact=True)).click()

    def wait_until_idle(self, timeout: float = RUN) -> None:
        expect(self.panel.locator(".jp-Notebook-ExecutionIndicator")).to_have_attribute(
            "data-status", "idle", timeout=timeout)

    def run_all(self) -> None:
        """Run > Run All Cells, and wait until no cell waits or runs any more."""
        prompts = self.panel.locator(".jp-CodeCell .jp-InputPrompt")
        before = prompts.last.text_content()
        self.cells.first.click()  # until the notebook is what one works in, the menu's commands do nothing
        self.menu("Run", "Run All Cells")
        expect(prompts.last).not_to_have_text(before)
        expect(prompts.filter(has_text="*")).to_have_count(0, timeout=RUN)
        self.wait_until_idle()

    def select(self, cell: Locator) -> None:
        """Make a cell the selected one, without a cursor in it."""
        cell.locator(".cm-content").click()
        self.page.keyboard.press("Escape")

    def run(self, cell: Locator) -> None:
        """Run one cell from the keyboard, and wait until it has run."""
        prompt = cell.locator(".jp-InputPrompt")
        before = prompt.text_content()
        cell.locator(".cm-content").click()
        self.page.keyboard.press("Control+Enter")
        expect(prompt).not_to_have_text(before, timeout=RUN)
        expect(prompt).to_have_text(_RAN, timeout=RUN)
        self.wait_until_idle()

    def write(self, cell: Locator, source: str) -> None:
        """Put a source in place of what stands in a cell; a text is opened first, as by a learner."""
        text = cell.locator(".jp-MarkdownOutput:visible")
        if text.count():
            text.dblclick()
        editor = cell.locator(".cm-content")
        editor.click()
        self.page.keyboard.press("ControlOrMeta+a")
        self.page.keyboard.insert_text(source)
        lines = source.splitlines()
        expect(editor.locator(".cm-line")).to_have_count(len(lines))
        expect(editor).to_contain_text(lines[-1])

    def tab_to(self, element: Locator, presses: int = 10) -> None:
        """Move the focus from the selected cell to an element, with the Tab key alone."""
        for _ in range(presses):
            self.page.keyboard.press("Tab")
            if element.evaluate("node => node === document.activeElement"):
                return
        raise AssertionError(f"{presses} presses of Tab do not lead to {element}")

    def answer(self, grade_id: str, source: str, check_id: str = "") -> Locator:
        """Write an answer, run it, run its check (by default that of a graded exercise); returns the check's card."""
        self.write(self.cell(grade_id), source)
        self.run(self.cell(grade_id))
        check = self.cell(check_id or f"{grade_id}-check")
        self.run(check)
        card = check.locator(".tlkit-card")
        expect(card).to_have_count(1)
        card.scroll_into_view_if_needed()
        return card

    def save(self) -> None:
        """Save from the keyboard, and wait until the tab says that nothing is unsaved."""
        self.page.keyboard.press("Control+s")
        expect(self.page.locator(".lm-DockPanel-tabBar .lm-mod-current.jp-mod-dirty")).to_have_count(0, timeout=READY)

    def validate(self, shot: str) -> str:
        """Click nbgrader's Validate, wait for its dialog, take its picture, close it; returns what it said."""
        self.panel.get_by_role("button", name="Validate").click()
        message = self.dialog.locator("#validation-message")
        expect(message).to_be_visible(timeout=VALIDATED)
        said = message.inner_text()
        self.shot(shot)
        self.dialog.get_by_role("button", name="Ok").click()
        expect(self.dialog).to_have_count(0)
        return said

    def shut_down(self) -> None:
        """End the notebook's kernel, so that whoever opens it next gets a fresh one."""
        sessions, token = f"{self.lab.url}api/sessions", {"Authorization": f"token {TOKEN}"}
        for session in self.page.request.get(sessions, headers=token).json():
            if session["path"] == self.path:
                assert self.page.request.delete(f"{sessions}/{session['id']}", headers=token).ok

    def hide_file_browser(self) -> None:
        """Ctrl+B, where it is open: JupyterLab remembers it from one page to the next."""
        browser = self.page.locator(".jp-FileBrowser")
        if browser.is_visible():
            self.page.keyboard.press("Control+b")
        expect(browser).to_be_hidden()

    def choose_theme(self, name: str) -> None:
        """Settings > Theme > "JupyterLab Dark", say, and wait until its colours are there."""
        self.page.locator(".lm-MenuBar-item", has_text=re.compile("^Settings$")).click()
        self.page.locator(".lm-Menu-item:visible", has_text=re.compile("^Theme")).hover()
        self.page.locator(".lm-Menu-item:visible", has=self.page.get_by_text(name, exact=True)).click()
        expect(self.page.locator("body")).to_have_attribute("data-jp-theme-name", name)

    def show_every_cell(self) -> None:
        """Lay out what lies outside of the window too, which JupyterLab leaves for later."""
        self.page.add_style_tag(content=".jp-Cell { content-visibility: visible !important }")

    def long_shot(self, name: str, width: int) -> None:
        """Pictures of the whole notebook in a window of that width, for people to look at: NAME.png, where it is long also NAME-2.png, ..."""
        before, scroller = self.page.viewport_size, self.panel.locator(".jp-WindowedPanel-outer")
        self.page.set_viewport_size({"width": width, "height": before["height"]})
        height = scroller.evaluate("node => node.scrollHeight")
        self.page.set_viewport_size({"width": width, "height": min(height + 150, LONGEST)})
        for number, top in enumerate(range(0, height, LONGEST), start=1):
            scroller.evaluate("(node, top) => { node.scrollTop = top }", top)
            self.shot(name if number == 1 else f"{name}-{number}")
        self.page.set_viewport_size(before)

    def shot(self, name: str, folder: Path = Path(__file__).parents[2] / "artefacts" / "screenshots") -> Path:
        """A picture of the window, for people to look at."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{name}.png"
        self.page.screenshot(path=path)
        return path

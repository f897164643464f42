"""Claims about the pages as they are published, read as files and in a browser."""

import posixpath
import re
import tempfile
import threading
from collections import Counter
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from bs4 import BeautifulSoup
from nbformat import read
from playwright.sync_api import expect

from book import build as building
from book.build import build
from tests.book.conftest import ADDRESS, PROJECT
from tlkit.course.leaks import answers_of, leaks
from tlkit.course.opening import INSTALL, LINKS, repository
from tlkit.course.units import CHECK, units
from tlkit.errors import TlkitError
from tlkit.explore.figures import STANDS_STILL

pytestmark = pytest.mark.slow

NOTEBOOKS = {f"course/{unit.name}/{notebook.stem}.html": notebook for unit in units(PROJECT / "course") for notebook in unit.notebooks}
DOCS = [f"docs/{path.stem}.html" for path in sorted((PROJECT / "docs").glob("*.md"))]
NO_PAGES_OF_OURS = {"genindex.html", "search.html"}
every_notebook = pytest.mark.parametrize("name", NOTEBOOKS)


def addresses(page) -> list[str]:
    """What a page loads, and where it links to."""
    return [tag[name] for name in ("src", "href") for tag in page.find_all(attrs={name: True})]


def text_of(page) -> str:
    return " ".join(page.find("article").get_text().split())


def test_every_notebook_and_every_page_of_docs_is_in_it_in_order(pages):
    contents = [link["href"] for link in pages["index.html"].select(".bd-sidebar-primary nav a.reference.internal")]
    assert contents[: len(NOTEBOOKS)] == list(NOTEBOOKS)
    assert set(contents[len(NOTEBOOKS):]) == {*DOCS, "CONTRIBUTING.html", "CHANGELOG.html"}
    assert set(pages) == {"index.html", *contents, *NO_PAGES_OF_OURS}


@every_notebook
def test_a_unit_is_there_with_all_that_it_says_and_shows(pages, name):
    notebook, page = read(NOTEBOOKS[name], as_version=4), pages[name]
    here = "".join(page.find("article").get_text().split())
    for cell in notebook.cells:
        if cell.id in (INSTALL, LINKS):
            continue
        if cell.cell_type == "code":
            assert "".join(cell.source.split()) in here
        else:
            headings = [line.lstrip("# ") for line in cell.source.splitlines() if line.startswith("#")]
            assert [words for words in headings if "".join(re.sub(r"[`*]|\$.*", "", words.replace("'", "’")).split()) not in here] == []
    assert page.select("div.cell_output img")


@every_notebook
def test_an_exercise_that_nobody_has_written_is_not_attempted(pages, name):
    checks = [cell for cell in read(NOTEBOOKS[name], as_version=4).cells if cell.cell_type == "code" and CHECK.fullmatch(cell.source.strip())]
    cards = [card.get_text() for card in pages[name].select(".tlkit-card")]
    assert len(cards) == len(checks) and all("not attempted, 0 of " in card for card in cards)


@every_notebook
def test_figures_stand_still_and_say_so(pages, name):
    sources = [cell.source for cell in read(NOTEBOOKS[name], as_version=4).cells if cell.cell_type == "code"]
    figures = sum(len(re.findall(r"^\w+\.explore_\w+\(", source, re.MULTILINE)) for source in sources)
    assert text_of(pages[name]).count(STANDS_STILL) == figures > 0


def test_nothing_is_left_of_widgets_and_nothing_went_wrong(pages):
    dead = re.compile(r"\b(Output|[VHG]?Box|GridBox|HTMLMath|HTML|ToggleButtons|\w+Slider|Dropdown)\((\)|children=|value=|layout=|options=)")
    assert {name: dead.findall(text_of(page))[:3] for name, page in pages.items() if name in NOTEBOOKS and dead.search(text_of(page))} == {}
    for name, page in pages.items():
        assert "jupyter.widget" not in str(page), name
        assert page.select(".traceback, .stderr, .system-message, .problematic") == [], name


def test_no_page_loads_or_asks_for_anything_from_elsewhere(book, pages):
    for name, page in pages.items():
        loaded = [tag.get("src") or tag.get("href") for tag in page.select("[src], link[href]") if tag.get("rel") != ["canonical"]]
        assert [address for address in loaded if urlsplit(address).scheme or address.startswith("//")] == [], name
    for style in (*book.rglob("*.css"), *book.rglob("*.html")):
        foreign = re.findall(r"(?:@import[^;]{0,9}|url\()\s*[\"']?((?:https?:)?//[^\"')]*)", style.read_text(encoding="utf-8"))
        assert foreign == [], style


def test_every_link_and_picture_leads_somewhere(book, pages):
    ids = {name: {tag["id"] for tag in page.find_all(id=True)} for name, page in pages.items()}
    for name, page in pages.items():
        for address in addresses(page):
            parts = urlsplit(address)
            if parts.scheme or not (parts.path or parts.fragment):
                continue
            target = (book / name).parent / unquote(parts.path) if parts.path else book / name
            assert target.is_file(), f"{name}: {address}"
            place = target.resolve().relative_to(book).as_posix()
            assert not parts.fragment or place not in ids or parts.fragment in ids[place], f"{name}: {address}"


def test_every_picture_has_words_and_every_page_a_title_of_its_own(pages):
    for name, page in pages.items():
        assert [picture["src"] for picture in page.select("article img") if not picture.get("alt", "").strip()] == [], name
    titles = Counter(page.title.get_text().strip() for page in pages.values())
    assert [title for title, count in titles.items() if count > 1 or not title] == []
    assert [name for name, page in pages.items() if name not in NO_PAGES_OF_OURS and len(page.select("article h1")) != 1] == []


def test_one_page_leads_to_the_next(pages):
    order = ["index.html", *NOTEBOOKS]
    for here, there in zip(order, order[1:]):
        (following,) = pages[here].select("a.right-next")
        assert posixpath.normpath(f"{Path(here).parent}/{following['href']}") == there


def test_no_answer_is_published(book):
    assert leaks(PROJECT, book / "course") == [] and leaks(PROJECT, book) == []
    assert not [path for path in book.rglob("*") if path.is_file() and {"_sources", "solutions", "alternatives.py"} & {*path.parts}]
    assert "END SOLUTION" not in "".join(path.read_text(encoding="utf-8") for path in book.glob("course/**/*.*"))


def test_a_book_with_an_answer_is_not_finished(book, tmp_path, monkeypatch):
    page = next(path for path in sorted((book / "course").rglob("*.html")) if path.stem.startswith("01"))
    answer = next(lines for lines in answers_of(PROJECT / "solutions" / page.parent.name) if any("rng.choice" in line for line in lines))
    told = "<pre>" + "\n".join(f"<span>{line.replace('<', '&lt;')}</span>" for line in answer) + "</pre>"

    def with_an_answer(root, source, extra, pages, address):
        (pages / "course" / page.parent.name).mkdir(parents=True)
        (pages / "course" / page.parent.name / page.name).write_text(told)

    monkeypatch.setattr(building, "_sphinx", with_an_answer)
    with pytest.raises(TlkitError, match="holds an answer of 01_why_transfer"):
        build(PROJECT, tmp_path)


def test_pages_tell_nothing_of_the_machine_that_built_them(book):
    for path in book.rglob("*"):
        if path.suffix in (".html", ".ipynb", ".js", ".css", ".txt"):
            text = path.read_text(encoding="utf-8")
            assert [place for place in (str(PROJECT), str(book.parent), f"{Path.home()}/") if place in text] == [], path
            assert not re.search(rf"{re.escape(tempfile.gettempdir())}/tmp\w+", text), path


def test_pages_can_be_launched_once_the_project_has_an_address(launched, pages):
    for name, notebook in NOTEBOOKS.items():
        page = BeautifulSoup((launched / name).read_bytes(), "html.parser")
        links = {link.get_text(): link["href"] for link in page.select(".ways-to-open a")}
        assert list(links) == ["Download this notebook", "Open it on Binder", "Open it in Colab"]
        assert links["Open it in Colab"].endswith(f"/somebody/tlkit/blob/HEAD/course/{notebook.parent.name}/{notebook.name}")
        assert page.select(f'a[href="{ADDRESS}"]')
        if repository(PROJECT) is None:
            assert [link.get_text() for link in pages[name].select(".ways-to-open a")] == ["Download this notebook"]
            assert not any("mybinder.org/v2" in address or "colab.research" in address for address in addresses(pages[name]))


@pytest.fixture
def reader(browser):
    """Opens a page of the book; nothing may go wrong in it, and it may ask for nothing from elsewhere."""

    class Reader:
        complaints: list[str] = []

        def open(self, where: Path | str, width: int = 1400, colours: str = "light"):
            address = where.as_uri() if isinstance(where, Path) else where
            ours = (address if isinstance(where, str) else "file:", "data:")
            self.context = browser.new_context(viewport={"width": width, "height": 844}, color_scheme=colours)
            page = self.context.new_page()
            page.on("console", lambda message: self.complaints.append(message.text) if message.type == "error" else None)
            page.on("pageerror", lambda error: self.complaints.append(str(error)))
            page.on("request", lambda request: self.complaints.append(request.url) if not request.url.startswith(ours) else None)
            page.goto(address)
            page.wait_for_function("!window.MathJax || !!(window.MathJax.startup && window.MathJax.startup.promise)")
            page.evaluate("window.MathJax && window.MathJax.startup.promise")
            return page

    opened = Reader()
    yield opened
    opened.context.close()
    assert opened.complaints == []


# What of a text cannot be reached: it sticks out of the page, to either side, with nothing around it that scrolls; or it is cut off.
_OUT_OF_REACH = """() => {
  document.querySelectorAll('mjx-assistive-mml').forEach(node => node.remove());  // for screen readers, wider than what is seen
  const width = document.documentElement.clientWidth, style = node => getComputedStyle(node).overflowX;
  const scrolls = node => { for (let at = node.parentElement; at; at = at.parentElement)
    if (['auto', 'scroll'].includes(style(at))) return at.getBoundingClientRect().right <= width + 1; return false; };
  return [...document.querySelectorAll('article *')].filter(node => {
    const box = node.getBoundingClientRect();
    if (box.width < 2 || node.closest('svg')) return false;
    const cut = getComputedStyle(node).display !== 'inline' && ['hidden', 'clip'].includes(style(node)) && node.scrollWidth > node.clientWidth + 1;
    return cut || ((box.right > width + 1 || box.left < -1) && !scrolls(node)); }).slice(0, 3).map(node => node.outerHTML.slice(0, 120));
}"""


@pytest.mark.browser
@pytest.mark.parametrize("name", ["index.html", "search.html", *NOTEBOOKS, *DOCS, "CONTRIBUTING.html", "CHANGELOG.html"])
def test_a_page_fits_a_phone_and_loads_nothing_from_elsewhere(book, reader, name):
    page = reader.open(book / name, width=390)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate(_OUT_OF_REACH) == []


@pytest.mark.browser
def test_on_a_phone_the_units_are_in_a_menu(book, reader):
    page = reader.open(book / "index.html", width=390)
    entry = page.locator("nav.bd-links a.reference", has_text="03 Gradients")
    expect(entry).not_to_be_in_viewport()
    page.locator("button.primary-toggle:visible").click()
    expect(entry).to_be_in_viewport()
    entry.click()
    expect(page.locator("article h1")).to_contain_text("03 Gradients")


@pytest.fixture
def served(book):
    """The book's address at a host of static files."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *what):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(book))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.mark.browser
@pytest.mark.parametrize("there", ["on the disk", "on a server"])
def test_search_finds_a_word(book, served, reader, there):
    page = reader.open(book / "index.html" if there == "on the disk" else served)
    page.keyboard.press("ControlOrMeta+k")
    field = page.locator("#pst-search-dialog input[type=search], .search-button__search-container input").first
    field.fill("forgetting")
    field.press("Enter")
    results = page.locator("#search-results li a")
    expect(results.first).to_be_visible()
    assert results.count() > 1
    if there == "on a server":
        expect(page.locator("#search-results li .context").first).to_contain_text(re.compile("forget", re.IGNORECASE))
    results.first.click()
    expect(page.locator("article")).to_contain_text(re.compile("forget", re.IGNORECASE))


@pytest.mark.browser
@every_notebook
def test_formulas_are_set(book, reader, name):
    page = reader.open(book / name)
    unset = page.evaluate("[...document.querySelectorAll('.math')].filter(node => !node.querySelector('mjx-container')).map(node => node.textContent)")
    assert unset == []
    assert page.locator("[data-mjx-error], mjx-merror").count() == 0
    shown = " ".join(page.locator("div.cell_output .text_html").all_text_contents())
    assert re.findall(r"\$[^$]{0,40}\\[a-z]+", shown) == []


# The least contrast (WCAG 2.2) of any words in what cells show, with the words; pictures have colours of their own.
_LEAST_CONTRAST = """() => {
  const c = document.createElement('canvas').getContext('2d', {willReadFrequently: true}), known = {};
  const colour = text => known[text] ||= (c.clearRect(0, 0, 1, 1), c.fillStyle = text, c.fillRect(0, 0, 1, 1), [...c.getImageData(0, 0, 1, 1).data]);
  const light = rgb => { const [r, g, b] = rgb.slice(0, 3).map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const behind = node => { for (let at = node; at; at = at.parentElement) {
    const found = colour(getComputedStyle(at).backgroundColor); if (found[3] === 255) return found; } return [255, 255, 255, 255]; };
  const seen = new Map();
  for (const output of document.querySelectorAll('div.cell_output, .tlkit-card, .ways-to-open')) {
    const words = document.createTreeWalker(output, NodeFilter.SHOW_TEXT);
    while (words.nextNode()) {
      const node = words.currentNode.parentElement, text = words.currentNode.textContent.trim();
      if (!text || node.closest('mjx-container, script, style')) continue;
      const key = getComputedStyle(node).color + behind(node); if (seen.has(key)) continue;
      const [a, b] = [light(colour(getComputedStyle(node).color)), light(behind(node))];
      seen.set(key, [(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), text.slice(0, 40)]); } }
  return [...seen.values()].sort((one, other) => one[0] - other[0])[0];
}"""


@pytest.mark.browser
@pytest.mark.parametrize("colours", ["light", "dark"])
@every_notebook
def test_what_cells_show_can_be_read_by_day_and_by_night(book, reader, name, colours):
    page = reader.open(book / name, colours=colours)
    expect(page.locator("html")).to_have_attribute("data-theme", colours)
    contrast, words = page.evaluate(_LEAST_CONTRAST)
    assert contrast >= 4.5, f"{words!r} has a contrast of {contrast:.1f}"
    pictures = page.locator("div.cell_output img").evaluate_all("nodes => nodes.map(node => getComputedStyle(node).backgroundColor)")
    assert set(pictures) <= ({"rgb(255, 255, 255)"} if colours == "dark" else set(pictures))

"""What Sphinx reads: the repository's own tree, with the README as the first page and with pictures in place of widgets."""

import base64
import hashlib
import re
import shutil
from collections.abc import Iterable
from html import escape
from pathlib import Path

import nbformat
from nbconvert.preprocessors.coalescestreams import CoalesceStreamsPreprocessor
from nbformat import NotebookNode

from tlkit.course.opening import INSTALL, LINKS, launches
from tlkit.course.units import Unit
from tlkit.files import write_text

PARTS = {
    "The library": ["docs/finetuning.md", "docs/peft.md", "docs/gradients.md", "docs/data.md"],
    "For instructors": ["docs/grading.md", "docs/class.md", "docs/security.md", "docs/authoring.md"],
    "Around the course": ["docs/launch.md", "CONTRIBUTING.md", "CHANGELOG.md"],
}
"""The pages behind the units, by part; a page of docs/ that stands nowhere here goes to the end."""

FIGURES = "figures"
_PICTURE = re.compile(r'src="data:image/(png|jpeg|gif);base64,([^"]*)"')
_LINK = re.compile(r"\[([^\]]*)\]\((?!https?:|#)([^)#\s]+)(#[^)\s]*)?\)")
_UNIT_ROW = re.compile(r"(?<=^\| )(\d\d) [^|]*?(?= \|)", re.MULTILINE)
_START = "## Start\n"

_AS_A_BOOK = """\
**This is the course as a book.** Every unit is here as learners get it, run once from top to bottom, without the answers. Read on
with [{title}]({first}). Interactive figures stand still here; to move them, and to have answers checked, open the course [on your
own machine](#start) or [elsewhere](docs/launch.md).

"""


def write_pages(root: Path, units: Iterable[Unit], notebooks: dict[Path, NotebookNode], folder: Path, extra: Path,
                address: str | None) -> None:
    """Write the sources of all pages to `folder`, and what is published as it is to `extra`.

    Args:
        root: the checkout.
        units: those whose notebooks are in the book.
        notebooks: released notebook -> the same notebook with its outputs.
        folder, extra: they are made.
        address: the project's address, if it has one.
    """
    pages = [page for part in parts(root).values() for page in part]
    for page in ["README.md", *pages]:
        text = with_links(root, page, pages, folder)
        target = folder / (page if page != "README.md" else "index.md")
        target.parent.mkdir(parents=True, exist_ok=True)
        write_text(target, text if page != "README.md" else index(text, root, list(units)))
    (extra / FIGURES).mkdir(parents=True)
    for path, notebook in notebooks.items():
        place = path.relative_to(root)
        for target in (folder / place, extra / place):
            target.parent.mkdir(parents=True, exist_ok=True)
        write_text(folder / place, nbformat.writes(page_of(notebook, place, extra / FIGURES, address)))
        shutil.copyfile(path, extra / place)


def parts(root: Path) -> dict[str, list[str]]:
    """`PARTS` with every page of docs/."""
    known = {page for pages in PARTS.values() for page in pages}
    rest = sorted(f"docs/{path.name}" for path in (root / "docs").glob("*.md") if f"docs/{path.name}" not in known)
    *_, last = PARTS
    return PARTS | {last: PARTS[last] + rest}


def index(readme: str, root: Path, units: list[Unit]) -> str:
    """The first page: the README, with links to the units, and the table of contents.

    Raises:
        ValueError: the README has no section "Start".
    """
    at = readme.index(_START)
    places = {unit.number: [path.relative_to(root).as_posix() for path in unit.notebooks] for unit in units}
    first = f"{units[0].number} {units[0].title}"
    readme = readme[:at] + _AS_A_BOOK.format(title=first, first=places[units[0].number][0]) + readme[at:]

    def linked(row: re.Match) -> str:
        notebooks = places.get(row[1], [])
        if len(notebooks) < 2:
            return f"[{row[0]}]({notebooks[0]})" if notebooks else row[0]
        return f"{row[0]}: " + ", ".join(f"[part {part}]({path})" for part, path in enumerate(notebooks, 1))

    contents = {"The course": [path for paths in places.values() for path in paths]} | parts(root)
    tables = [f"```{{toctree}}\n:hidden:\n:caption: {part}\n\n" + "\n".join(page.rsplit(".", 1)[0] for page in pages) + "\n```\n"
              for part, pages in contents.items()]
    return _UNIT_ROW.sub(linked, readme) + "\n" + "\n".join(tables)


def page_of(notebook: NotebookNode, place: Path, figures: Path, address: str | None) -> NotebookNode:
    """A notebook as a page: a line with ways to open it below the title, no cell that installs, outputs that need no kernel.

    Args:
        notebook: with outputs.
        place: where the notebook is in the repository, and its page in the book.
        figures: the folder for its pictures, one level below the book's root.
    """
    above = "../" * (len(place.parts) - 1)
    page = nbformat.v4.new_notebook(metadata={"kernelspec": notebook.metadata.kernelspec, "language_info": notebook.metadata.language_info})
    for cell in notebook.cells:
        if cell.id in (INSTALL, LINKS):
            continue
        if cell.cell_type == "markdown":
            page.cells.append(nbformat.v4.new_markdown_cell(cell.source))
        else:
            outputs = [_still(output, figures, f"{above}{figures.name}/") for output in _coalesced(cell)]
            page.cells.append(nbformat.v4.new_code_cell(cell.source, outputs=outputs))
    title, _, rest = page.cells[0].source.partition("\n")
    page.cells[0].source = f"{title}\n\n{ways_to_open(place, address)}\n{rest}"
    return page


def ways_to_open(place: Path, address: str | None) -> str:
    """Links to the notebook itself and, where the project has an address, to Binder and Colab, as HTML."""
    ways = {"Download this notebook": place.name}
    if address:
        ways |= {f"Open it {where}": link for where, link in launches(place.parent.name, place.stem, address).items()}
    links = [f'<a href="{escape(link)}"{" download" if link == place.name else ""}>{what}</a>' for what, link in ways.items()]
    return f'<p class="ways-to-open">{" · ".join(links)}</p>\n'


def _coalesced(cell: NotebookNode) -> list[NotebookNode]:
    """The cell's outputs; what was printed in pieces is one output, and progress bars that were wiped away are none."""
    cell, _ = CoalesceStreamsPreprocessor().preprocess_cell(cell, {}, 0)
    return [output for output in cell.outputs if output.output_type != "stream" or output.text.strip()]


def _still(output: NotebookNode, figures: Path, address: str) -> NotebookNode:
    """The output in the one form that the page shows; pictures in its HTML become files in `figures`, which is at `address`."""
    if "data" not in output:
        return output
    form = next((form for form in ("text/html", "text/markdown", "image/png") if form in output.data), "text/plain")
    shown = output.data[form]
    if form == "text/html":
        shown = _PICTURE.sub(lambda picture: f'loading="lazy" src="{address}{_file(picture, figures)}"', shown)
    return nbformat.v4.new_output("display_data", {form: shown})


def _file(picture: re.Match, figures: Path) -> str:
    content = base64.b64decode(picture[2])
    name = f"{hashlib.sha256(content).hexdigest()[:20]}.{picture[1]}"
    (figures / name).write_bytes(content)
    return name


def with_links(root: Path, page: str, pages: list[str], folder: Path) -> str:
    """A page's text with links as a book has them.

    A link that says only which file it leads to gets that page's title. Other files that a page links to are copied, to be
    downloaded.
    """

    def led(link: re.Match) -> str:
        words, target, anchor = link[1], link[2], link[3] or ""
        path = (root / page).parent / target
        place = path.resolve().relative_to(root.resolve()).as_posix()
        if place not in ("README.md", *pages) and path.is_file():
            (folder / place).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, folder / place)
        words = "" if words.endswith(".md") else words
        return f"[{words}]({target.replace('README.md', 'index.md')}{anchor})"

    return _LINK.sub(led, (root / page).read_text(encoding="utf-8"))

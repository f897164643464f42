"""What is made of a notebook and of a page of docs/ before Sphinx reads it."""

import base64
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from nbformat import read, write
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from book import __main__ as command
from book.executed import executed, keep
from book.pages import PARTS, index, page_of, parts, with_links
from tests.book.conftest import ADDRESS, PROJECT
from tests.course.running import run
from tlkit.course.opening import INSTALL, LINKS
from tlkit.course.units import Unit, units
from tlkit.errors import TlkitError

PLACE = Path("course/07_tiny/07_tiny.ipynb")
SPEC = {"kernelspec": {"name": "python3", "display_name": "Python 3"}, "language_info": {"name": "python"}, "tlkit": {"release": "1"}}
PIXELS = b"not looked at"


def page(*cells, figures=Path("/nowhere"), address=None):
    return page_of(new_notebook(cells=[new_markdown_cell("# 07 Tiny\n\nWhy?"), *cells], metadata=SPEC), PLACE, figures, address)


def shown(*outputs, figures=Path("/nowhere")) -> list:
    return page(new_code_cell("x", outputs=list(outputs)), figures=figures).cells[1].outputs


def links(cell) -> dict[str, str]:
    return {link.text: link["href"] for link in BeautifulSoup(cell.source, "html.parser").find_all("a")}


def test_below_the_title_a_notebook_can_be_downloaded_and_nothing_points_to_nowhere_without_an_address():
    (title,) = page().cells
    assert title.source.startswith("# 07 Tiny\n\n<p") and title.source.endswith("\n\nWhy?")
    assert links(title) == {"Download this notebook": "07_tiny.ipynb"}


def test_with_an_address_a_notebook_can_be_launched():
    assert links(page(address=ADDRESS).cells[0]) == {
        "Download this notebook": "07_tiny.ipynb",
        "Open it on Binder": "https://mybinder.org/v2/gh/somebody/tlkit/HEAD?urlpath=lab%2Ftree%2Fwork%2F07_tiny%2F07_tiny.ipynb",
        "Open it in Colab": "https://colab.research.google.com/github/somebody/tlkit/blob/HEAD/course/07_tiny/07_tiny.ipynb",
    }
    assert "Open it in Colab" not in links(page(address="https://git.example.org/a/b").cells[0])


def test_the_cell_that_installs_and_the_badges_are_left_out():
    assert len(page(new_markdown_cell("[![Open", id=LINKS), new_code_cell("import importlib", id=INSTALL)).cells) == 1


def test_of_a_widget_its_still_picture_is_shown_and_of_other_outputs_the_richest_form():
    widget = {"application/vnd.jupyter.widget-view+json": {"model_id": "1"}, "text/plain": "VBox(...)", "text/html": "<b>still</b>"}
    (still, words) = shown(new_output("display_data", widget), new_output("execute_result", {"text/plain": "4"}, execution_count=1))
    assert still.data == {"text/html": "<b>still</b>"} and words.data == {"text/plain": "4"}


def test_pictures_become_files_and_keep_their_words(tmp_path):
    data = base64.b64encode(PIXELS).decode()
    (output,) = shown(new_output("display_data", {"text/html": f'<img alt="a dot" src="data:image/png;base64,{data}">'}), figures=tmp_path)
    (file,) = tmp_path.iterdir()
    assert file.read_bytes() == PIXELS and file.suffix == ".png"
    assert output.data["text/html"] == f'<img alt="a dot" loading="lazy" src="../../{tmp_path.name}/{file.name}">'


def test_what_was_printed_in_pieces_is_one_output_and_a_progress_bar_is_none():
    said = shown(*(new_output("stream", name="stdout", text=text) for text in ("one ", "line\n", "  0%|  |", "\r100%|##|", "\r        \r", "two\n")))
    assert [output.text for output in said] == ["one line\ntwo\n"]
    assert shown(*(new_output("stream", name="stdout", text=text) for text in ("  0%|  |", "\r        \r"))) == []


def test_every_page_of_docs_belongs_to_a_part(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "new.md").write_text("# New")
    assert parts(tmp_path)["Around the course"] == [*PARTS["Around the course"], "docs/new.md"]
    assert {page for pages in parts(PROJECT).values() for page in pages} >= {f"docs/{path.name}" for path in (PROJECT / "docs").glob("*.md")}


def test_the_first_page_is_the_readme_with_links_to_every_notebook():
    found = units(PROJECT / "course")
    text = index((PROJECT / "README.md").read_text(encoding="utf-8"), PROJECT, found)
    for unit in found:
        (row,) = [line for line in text.splitlines() if line.startswith((f"| {unit.number} ", f"| [{unit.number} "))]
        assert all(f"(course/{unit.name}/{notebook.name})" in row for notebook in unit.notebooks), row
    assert text.startswith("# tlkit\n") and text.count("{toctree}") == 1 + len(PARTS)


def test_links_lead_to_pages_of_the_book_and_other_files_come_along(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "card.json").write_text("{}")
    (tmp_path / "docs" / "peft.md").write_text("[data.md](data.md#here), [the start](../README.md), [a card](card.json), [far](https://x.org/y.md)")
    text = with_links(tmp_path, "docs/peft.md", ["docs/data.md"], tmp_path / "source")
    assert text == "[](data.md#here), [the start](../index.md), [a card](card.json), [far](https://x.org/y.md)"
    assert [path.name for path in (tmp_path / "source").rglob("*.*")] == ["card.json"]


def test_a_notebook_that_fails_or_warns_is_no_page(tmp_path):
    unit = tmp_path / "07_tiny"
    unit.mkdir()
    for source, said in (("1 / 0", "ZeroDivisionError"), ("import warnings; warnings.warn('careful')", "careful")):
        write(new_notebook(cells=[new_code_cell(source, id="bad")]), unit / "07_tiny.ipynb")
        with pytest.raises(TlkitError, match=f"07_tiny.ipynb does not run as it is released: bad: .*{said}"):
            executed(PROJECT, [Unit(unit)], tmp_path / "kept")
    assert list((tmp_path / "kept").iterdir()) == []


def test_a_notebook_is_run_once_without_what_is_not_embedded_and_tells_no_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("TLKIT_DATA", "/somewhere")
    unit = tmp_path / "07_tiny"
    unit.mkdir()
    source = "import os, sys, tlkit\nprint(os.getcwd(), sys.executable, tlkit.__file__, os.listdir(os.environ['TLKIT_DATA']))"
    write(new_notebook(cells=[new_code_cell(source, id="where")]), unit / "07_tiny.ipynb")
    (notebook,) = executed(PROJECT, [Unit(unit)], tmp_path / "kept").values()
    assert notebook.cells[0].outputs[0].text.split() == ["~/tlkit", "~/tlkit/.venv/bin/python", "~/tlkit/tlkit/__init__.py", "[]"]
    (kept,) = (tmp_path / "kept").iterdir()
    kept.write_text(kept.read_text().replace("[]", "[kept]"))
    (again,) = executed(PROJECT, [Unit(unit)], tmp_path / "kept").values()
    assert "[kept]" in again.cells[0].outputs[0].text


def test_what_was_run_elsewhere_is_taken_over_unless_it_failed(tmp_path):
    unit, cache = tmp_path / "07_tiny", tmp_path / "kept"
    unit.mkdir()
    path = unit / "07_tiny.ipynb"
    for source, kept in (("1 / 0", 0), ("import os, time\nprint(os.getcwd(), time.time_ns())", 1)):
        write(new_notebook(cells=[new_code_cell(source, id="only")]), path)
        done = run(read(path, as_version=4), unit)
        keep(PROJECT, path, done, unit, cache)
        assert len(list(cache.glob('*'))) == kept
    (notebook,) = executed(PROJECT, [Unit(unit)], cache).values()
    assert notebook.cells[0].outputs[0].text == done.cells[0].text.replace(str(unit), "~/tlkit")


def test_the_command_says_where_the_pages_are_and_a_fault_in_one_line(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(command.sys, "argv", ["book", "--out", str(tmp_path)])
    monkeypatch.setattr(command, "build", lambda root, folder: folder / "pages")
    assert command.main() == 0 and str(tmp_path / "pages" / "index.html") in capsys.readouterr().out

    def fails(root, folder):
        raise TlkitError("a line of an answer")

    monkeypatch.setattr(command, "build", fails)
    assert command.main() == 1 and capsys.readouterr().err == "Error: a line of an answer\n"

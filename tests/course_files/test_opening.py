"""How a released notebook begins: links where the project has an address, and a cell that does nothing where tlkit is there."""

import json
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from IPython.core.inputtransformer2 import TransformerManager

from tlkit.course.build import build, differences
from tlkit.course.opening import INSTALL, LINKS, badges, repository
from tlkit.course.units import units
from tlkit.errors import TlkitError
from tlkit.grading.rebuild import rebuild
from tlkit.grading.submission import submission_of

ADDRESS = "https://github.com/somebody/tlkit"
NOTEBOOKS = {notebook.stem: notebook for unit in units() for notebook in unit.notebooks}


def set_address(root, address: str) -> None:
    (root / "pyproject.toml").write_text(f'[project]\nname = "tlkit"\n[project.urls]\nRepository = {json.dumps(address)}\n')


def cells_of(root) -> list:
    return nbformat.read(root / "course" / "07_tiny" / "07_tiny.ipynb", as_version=4).cells


def run(source: str, *flags: str) -> subprocess.CompletedProcess:
    """A cell as IPython runs it."""
    return subprocess.run([sys.executable, *flags, "-c", f"from IPython.core.interactiveshell import InteractiveShell\n"
                           f"shell = InteractiveShell.instance()\nresult = shell.run_cell({source!r})\n"
                           "raise SystemExit(0 if result.success else 1)"], capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_every_unit_has_the_cell_below_its_title_and_no_link_to_nowhere(name):
    cells = nbformat.read(NOTEBOOKS[name], as_version=4).cells
    assert [cell.id for cell in cells].index(INSTALL) == 1 and cells[0].source.startswith("# ")
    assert cells[1].metadata.tags == ["demo"] and "nbgrader" not in cells[1].metadata
    if repository(NOTEBOOKS[name].parents[2]) is None:
        assert LINKS not in [cell.id for cell in cells] and "git+" not in cells[1].source


def test_with_an_address_there_are_badges_and_an_installation(root):
    set_address(root, ADDRESS)
    build(root)
    title, links, install, *_ = cells_of(root)
    assert title.source.startswith("# 07 Tiny") and (links.id, install.id) == (LINKS, INSTALL)
    assert "https://mybinder.org/v2/gh/somebody/tlkit/HEAD?urlpath=lab%2Ftree%2Fwork%2F07_tiny%2F07_tiny.ipynb" in links.source
    assert "https://colab.research.google.com/github/somebody/tlkit/blob/HEAD/course/07_tiny/07_tiny.ipynb" in links.source
    assert '%pip install --quiet "tlkit @ git+https://github.com/somebody/tlkit" ipywidgets' in install.source
    compile(TransformerManager().transform_cell(install.source), "cell", "exec")
    assert differences(root) == []


def test_an_address_changes_no_other_cell_and_no_id(root):
    build(root)
    plain = {cell.id: cell for cell in cells_of(root)}
    set_address(root, f"{ADDRESS}.git/")
    build(root)
    named = {cell.id: cell for cell in cells_of(root)}
    assert set(named) - set(plain) == {LINKS} and list(plain) == [name for name in named if name != LINKS]
    assert {name for name in plain if plain[name] != named[name]} == {INSTALL}


@pytest.mark.parametrize(("address", "source", "colab"), [
    ("https://github.com/a/b", "gh/a/b", True),
    ("https://gitlab.com/a/b/c", "gl/a%2Fb%2Fc", False),
    ("https://git.example.org/a/b", "git/https%3A%2F%2Fgit.example.org%2Fa%2Fb", False),
])
def test_binder_takes_any_host_and_colab_only_github(address, source, colab):
    links = badges("01_x", "01_x", address)
    assert f"mybinder.org/v2/{source}/HEAD?" in links[0] and (len(links) == 2) is colab
    assert all(link.startswith("[![Open ") for link in links)


@pytest.mark.parametrize("address", ["http://github.com/a/b", "github.com/a/b", "https://github.com", "", 'https://x.org/"; rm', "git@x:a/b"])
def test_an_address_that_is_none_stops_the_build_in_one_sentence(root, address):
    set_address(root, address)
    with pytest.raises(TlkitError, match="should be an https address such as"):
        repository(root)
    with pytest.raises(TlkitError, match="should be an https address such as"):
        build(root)


def test_where_tlkit_is_there_the_cell_says_nothing_and_imports_nothing_heavy(root):
    build(root)
    source = next(cell for cell in cells_of(root) if cell.id == INSTALL).source
    done = run(source + "\nimport sys; print({'torch', 'numpy', 'matplotlib', 'sklearn'} & set(sys.modules))")
    assert done.returncode == 0 and done.stdout.strip() == "set()"


def test_where_tlkit_is_missing_the_cell_says_what_to_do(root):
    build(root)
    source = next(cell for cell in cells_of(root) if cell.id == INSTALL).source
    hidden = "import importlib.util; importlib.util.find_spec = lambda name: None\n"
    done = run(hidden + source)
    assert done.returncode == 1
    assert "tlkit is missing in this kernel. Choose the kernel of the course's environment; or install tlkit" in done.stdout


def test_where_tlkit_is_missing_the_cell_installs_it_from_the_address(root):
    set_address(root, ADDRESS)
    build(root)
    source = next(cell for cell in cells_of(root) if cell.id == INSTALL).source
    hidden = ("import importlib.util; importlib.util.find_spec = lambda name: None\n"
              "get_ipython().register_magic_function(lambda line: print('pip:', line), magic_name='pip')\n")
    done = run(hidden + source)
    assert done.returncode == 0 and 'pip: install --quiet "tlkit @ git+https://github.com/somebody/tlkit" ipywidgets' in done.stdout


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_copy_from_before_there_was_such_a_cell_is_graded_without_a_word(name):
    released = nbformat.read(NOTEBOOKS[name], as_version=4)
    older = json.loads(NOTEBOOKS[name].read_text(encoding="utf-8"))
    older["cells"] = [cell for cell in older["cells"] if cell["id"] != INSTALL]
    notebook, notes = rebuild(released, submission_of(older))
    assert notes == [] and [cell.id for cell in notebook.cells] == [cell.id for cell in released.cells]


def test_the_line_that_the_docs_show_is_the_one_that_is_read(tmp_path):
    page = (Path(__file__).parents[2] / "docs" / "launch.md").read_text(encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text(re.search(r"<!-- address -->\n```toml\n(.*?)```", page, re.DOTALL)[1])
    assert repository(tmp_path) == "https://github.com/OWNER/NAME"

"""How a released notebook begins wherever it is opened: links that launch it, and a cell that installs tlkit where it is missing
and says what would get in the way (`doctor.at_the_start`).

The project's address is the `Repository` of pyproject.toml's [project.urls]. As long as there is none, there are no links, and
the cell says what to do. Both cells are put in when a unit is released, below its title; sources do not hold them. They are no
part of grading: the cell is tagged as one that only demonstrates, and their ids shift no other cell's.
"""

import tomllib
from pathlib import Path
from urllib.parse import quote, urlsplit

from nbformat import NotebookNode, v4

from tlkit.errors import TlkitError

LINKS, INSTALL = "launch", "install-where-missing"
"""The ids of the two cells."""

_IF_MISSING = """import importlib.util

if importlib.util.find_spec("tlkit") is None:  # on Colab, for one
"""
_INSTALL = """    print("tlkit is missing in this kernel and is installed now, which takes a minute or two")
    %pip install --quiet "tlkit @ git+{address}" ipywidgets
"""
_SAY = """    raise ModuleNotFoundError("tlkit is missing in this kernel. Choose the kernel of the course's environment; or install tlkit "
                              "from the course's folder, the one with pyproject.toml: pip install '.[lab]'")
"""
_LOOK = """from tlkit import doctor

doctor.at_the_start()  # says nothing where nothing is in the way
"""


def repository(root: Path) -> str | None:
    """The project's address, by `root/pyproject.toml`; None where it is not set.

    Raises:
        TlkitError: what stands there is no https address.
    """
    path = root / "pyproject.toml"
    if not path.is_file():
        return None
    urls = tomllib.loads(path.read_text(encoding="utf-8")).get("project", {}).get("urls", {})
    address = next((value for name, value in urls.items() if name.lower() == "repository"), None)
    if address is None:
        return None
    parts = urlsplit(address)
    if parts.scheme != "https" or not parts.netloc or not parts.path.strip("/") or set(address) & set("\"'\\ \n{}<>"):
        raise TlkitError(f"{path}: Repository in [project.urls] is {address!r}; it should be an https address such as "
                         "https://github.com/OWNER/NAME")
    return address.rstrip("/").removesuffix(".git")


def with_opening(notebook: NotebookNode, unit: str, name: str, address: str | None) -> NotebookNode:
    """The notebook with the two cells below its title.

    Args:
        unit, name: the unit's folder, and the notebook's name without its suffix.
        address: the project's address, if it has one.
    """
    install = v4.new_code_cell((_IF_MISSING + (_INSTALL.format(address=address) if address else _SAY) + _LOOK).rstrip(), id=INSTALL,
                               metadata={"tags": ["demo"]})
    opening = [install]
    if address:
        opening.insert(0, v4.new_markdown_cell("\n".join(badges(unit, name, address)), id=LINKS))
    at = 1 if notebook.cells and notebook.cells[0].cell_type == "markdown" else 0
    notebook.cells = [*notebook.cells[:at], *opening, *notebook.cells[at:]]
    return notebook


def badges(unit: str, name: str, address: str) -> list[str]:
    """Links as badges, in markdown: to mybinder.org from any host, and to Colab, which opens what is on GitHub."""
    pictures = {"on Binder": "https://mybinder.org/badge_logo.svg", "in Colab": "https://colab.research.google.com/assets/colab-badge.svg"}
    return [f"[![Open {where}]({pictures[where]})]({link})" for where, link in launches(unit, name, address).items()]


def launches(unit: str, name: str, address: str) -> dict[str, str]:
    """Where a notebook can be opened without an installation, "on Binder" or "in Colab" -> the link; Colab only from GitHub."""
    host, path = urlsplit(address).netloc, urlsplit(address).path.strip("/")
    source = {"github.com": f"gh/{path}", "gitlab.com": f"gl/{quote(path, safe='')}"}.get(host, f"git/{quote(address, safe='')}")
    copy = quote(f"lab/tree/work/{unit}/{name}.ipynb", safe="")
    links = {"on Binder": f"https://mybinder.org/v2/{source}/HEAD?urlpath={copy}"}
    if host == "github.com":
        links["in Colab"] = f"https://colab.research.google.com/github/{path}/blob/HEAD/course/{unit}/{name}.ipynb"
    return links

"""The web book, built once; its notebooks are run unless an earlier build of the same content left them in build/book."""

from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from book.build import build

PROJECT = Path(__file__).parents[2]
ADDRESS = "https://github.com/somebody/tlkit"


@pytest.fixture(scope="session")
def book(tmp_path_factory) -> Path:
    """The folder of the pages, as `make book` builds it."""
    return build(PROJECT, tmp_path_factory.mktemp("book"))


@pytest.fixture(scope="session")
def launched(book, tmp_path_factory) -> Path:
    """The same, of a project that has an address."""
    return build(PROJECT, tmp_path_factory.mktemp("launched"), ADDRESS)


@pytest.fixture(scope="session")
def pages(book) -> dict[str, BeautifulSoup]:
    """Where a page is -> the page."""
    return {path.relative_to(book).as_posix(): BeautifulSoup(path.read_bytes(), "html.parser") for path in sorted(book.rglob("*.html"))
            if "_static" not in path.parts}

"""CSV files that a spreadsheet shows and does not execute."""

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tlkit.errors import TlkitError
from tlkit.files import write_text

_STARTS_A_FORMULA = tuple("=+-@＝＋－＠|%")


def plain_cell(value: Any) -> Any:
    """A value for a CSV cell: numbers as they are, texts so that no spreadsheet takes them for a formula.

    A text that begins, behind white space, with one of = + - @ | % (or a full-width =, +, -, @) gets an apostrophe before
    it. Control characters and halves of characters are replaced by a space.
    """
    if value is None:
        return ""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    text = "".join(character if character.isprintable() else " " for character in
                   str(value).encode("utf-8", "replace").decode())
    return f"'{text}" if text.lstrip().startswith(_STARTS_A_FORMULA) else text


def csv_text(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A CSV as text, every cell plain."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([plain_cell(name) for name in header])
    writer.writerows([plain_cell(value) for value in row] for row in rows)
    return file.getvalue()


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write a CSV in one step.

    Raises:
        TlkitError: the file cannot be written.
    """
    write_file(path, csv_text(header, rows))


def write_file(path: Path, text: str) -> None:
    """Write a text file in one step, its folder too where that is missing.

    Raises:
        TlkitError: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, text)
    except OSError as error:
        raise TlkitError(f"{path} cannot be written: {error.strerror or error}") from error


def read_csv(path: Path, due: Sequence[str]) -> list[tuple[int, dict[str, str]]]:
    """The rows of a CSV with a header, each with its line's number; cells without white space around them.

    Args:
        due: columns that must be there.
    Raises:
        TlkitError: the file cannot be read, or lacks a column, or a row has more cells than the header.
    """
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            header = [name.strip() for name in reader.fieldnames or ()]
            reader.fieldnames = header
            rows = [(reader.line_num, row) for row in reader]
    except OSError as error:
        raise TlkitError(f"{path} cannot be read: {error.strerror or error}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise TlkitError(f"{path} is no CSV in UTF-8: {error}") from error
    missing = [name for name in due if name not in header]
    if missing:
        raise TlkitError(f"{path} has no column {missing[0]!r}; its columns are {', '.join(header) or 'none'}")
    for line, row in rows:
        if None in row:
            raise TlkitError(f"{path}, line {line}: it has more cells than the header has columns")
    return [(line, {name: (value or "").strip() for name, value in row.items()}) for line, row in rows]

"""Tables of texts and labels: CSV, TSV and JSONL."""

import csv
import io
import json
import math
from collections.abc import Sequence
from pathlib import Path

from tlkit.data.reading import SPLIT_NAMES, Reading, few, merge_spellings, read_text
from tlkit.errors import TlkitError

TEXT_NAMES = (
    "text", "sentence", "utterance", "question", "review", "content", "message", "body", "headline", "title", "query", "tweet",
    "document", "source", "prompt", "input", "tokens", "words",
)  # fmt: skip
LABEL_NAMES = (
    "label", "labels", "category", "class", "intent", "sentiment", "topic", "tag", "tags", "ner_tags", "target", "summary",
    "completion", "output", "score", "rating", "y",
)  # fmt: skip
_GENERATION = ("summary", "completion", "output")
_SPLIT_COLUMNS = ("split", "set", "subset", "partition")


def read_table(path: Path, text: str | None, label: str | None, kind: str | None) -> Reading:
    """Texts and labels out of one file.

    Args:
        path: .csv, .tsv or .jsonl.
        text, label: names of columns; guessed where not given.
        kind: of the task; guessed from the labels where not given.
    Raises:
        TlkitError: the file is damaged, its rows do not fit its header, or the columns cannot be told.
    """
    content, notes = read_text(path)
    rows, columns = (
        _read_jsonl(path, content) if path.suffix.lower() in (".jsonl", ".ndjson") else _read_csv(path, content, notes)
    )
    text, label = _choose_columns(path, rows, columns, text, label, notes)
    texts, labels = [row[text] for row in rows], [row[label] for row in rows]
    split_column = next(
        (name for name in columns if name.casefold() in _SPLIT_COLUMNS and name not in (text, label)), None
    )
    splits = None
    if split_column and all(str(row[split_column]).casefold() in SPLIT_NAMES for row in rows):
        splits = [SPLIT_NAMES[str(row[split_column]).casefold()] for row in rows]
        notes.append(f"splits were taken from the column {split_column!r}")
    kept = [
        place for place, (one, other) in enumerate(zip(texts, labels, strict=True)) if _filled(one) and _filled(other)
    ]
    for what, values in (("text", texts), ("label", labels)):
        if empty := sum(not _filled(value) for value in values):
            notes.append(f"{empty} rows of {path.name} with an empty {what} were left out")
    if not kept:
        raise TlkitError(f"{path} has no row with both a text in {text!r} and a label in {label!r}")
    texts, labels = [texts[place] for place in kept], [labels[place] for place in kept]
    splits = splits and [splits[place] for place in kept]
    return _typed(path, texts, labels, splits, kind or _guess_kind(texts, labels, text, label), notes)


def _typed(path: Path, texts: list, labels: list, splits: list | None, kind: str, notes: list[str]) -> Reading:
    """Labels brought to what the kind of task has."""
    if kind == "token classification":
        if odd := [place for place, pair in enumerate(zip(texts, labels, strict=True)) if not _is_tagged(*pair)]:
            raise TlkitError(
                f"{path}: sentence {odd[0] + 1} is not a list of words with a list of as many tags ({len(odd)} such)"
            )
        return Reading(
            kind, "text", [tuple(words) for words in texts], [list(tags) for tags in labels], splits, None, notes
        )
    if odd := [value for value in texts if not isinstance(value, str)]:
        raise TlkitError(f"{path}: {len(odd)} texts are no texts, such as {odd[0]!r}")
    if kind == "regression":
        labels = [_number(path, value) for value in labels]
    elif kind == "multi-label":
        labels = [_names(value) for value in labels]
    elif kind == "generation":
        labels = [str(value) for value in labels]
    elif kind == "classification":
        labels, merged = merge_spellings([str(value) for value in labels])
        notes += merged
    else:
        raise TlkitError(f"a table of texts cannot be a task of kind {kind!r}")
    return Reading(kind, "text", texts, labels, splits, [" ".join(one.split()).casefold() for one in texts], notes)


def _read_csv(path: Path, content: str, notes: list[str]) -> tuple[list[dict], list[str]]:
    """Rows by column; the first row is the header unless it looks like any other."""
    delimiter = "\t" if path.suffix.lower() in (".tsv", ".tab") else _guess_delimiter(content)
    csv.field_size_limit(10_000_000)
    reader = csv.reader(io.StringIO(content, newline=""), delimiter=delimiter, strict=True)
    rows, lines = [], []
    try:
        for row in reader:
            if row and any(cell.strip() for cell in row):
                rows.append(row)
                lines.append(reader.line_num)
    except csv.Error as error:
        raise TlkitError(
            f"{path} is damaged near line {reader.line_num}: {error} (a quote that is never closed?)"
        ) from error
    width = len(rows[0])
    if width < 2:
        raise TlkitError(
            f"{path} has one column, and texts with labels need two; is its delimiter neither , ; tab nor |?"
        )
    ragged = [line for row, line in zip(rows, lines, strict=True) if len(row) != width]
    if ragged:
        at = lines.index(ragged[0])
        raise TlkitError(
            f"{path}: line {ragged[0]} has {len(rows[at])} fields and the first line {width} ({len(ragged)} such rows); "
            f"put texts that hold {delimiter!r} in quotes"
        )
    if _has_header(rows):
        header, rows = [cell.strip() for cell in rows[0]], rows[1:]
        if len(set(header)) < width:
            raise TlkitError(f"{path}: two columns have the same name: {', '.join(header)}")
    else:
        header = [f"column {number}" for number in range(1, width + 1)]
        notes.append(f"{path.name} has no header; its columns were named {', '.join(header)}")
    if not rows:
        raise TlkitError(f"{path} has a header and no rows")
    return [dict(zip(header, row, strict=True)) for row in rows], header


def _guess_delimiter(content: str) -> str:
    first = content.lstrip().split("\n", 1)[0]
    return max(",;\t|", key=first.count)


def _has_header(rows: list[list[str]]) -> bool:
    """Known names, or short names that occur in no column below them."""
    first = [cell.strip().casefold() for cell in rows[0]]
    if any(name in (*TEXT_NAMES, *LABEL_NAMES) for name in first):
        return True
    return all(
        cell
        and len(cell) < 30
        and cell not in {row[place].strip().casefold() for row in rows[1:]}
        and not _is_number(cell)
        for place, cell in enumerate(first)
    ) and not any(" " in cell for cell in first)


def _read_jsonl(path: Path, content: str) -> tuple[list[dict], list[str]]:
    rows = []
    for number, line in enumerate(content.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (json.JSONDecodeError, RecursionError) as error:
            raise TlkitError(
                f"{path}: line {number} is no JSON ({getattr(error, 'msg', 'nested too deeply')})"
            ) from error
        if not isinstance(row, dict):
            raise TlkitError(f"{path}: line {number} is a {type(row).__name__}, and should be an object with names")
        if rows and set(row) != set(rows[0]):
            missing = sorted(set(row) ^ set(rows[0]))
            raise TlkitError(f"{path}: line {number} and the first line do not have the same names: {few(missing)}")
        rows.append(row)
    return rows, list(rows[0])


def _choose_columns(path: Path, rows, columns: list[str], text, label, notes: list[str]) -> tuple[str, str]:
    for name in (text, label):
        if name is not None and name not in columns:
            raise TlkitError(f"{path} has no column {name!r}; columns: {', '.join(columns)}")
    guessed = [what for what, given in (("text", text), ("label", label)) if given is None]
    plain = {name.casefold(): name for name in reversed(columns)}
    text = text or next((plain[name] for name in TEXT_NAMES if name in plain and plain[name] != label), None)
    label = label or next((plain[name] for name in LABEL_NAMES if name in plain and plain[name] != text), None)
    if (text is None or label is None) and len(columns) == 2:
        longer = max(columns, key=lambda name: sum(len(str(row[name])) for row in rows))
        text = text or next(name for name in (longer, *columns) if name != label)
        label = label or next(name for name in columns if name != text)
    if text is None or label is None:
        raise TlkitError(
            f"it cannot be told which columns of {path} are text and label; say text=..., label=...; columns: {', '.join(columns)}"
        )
    if guessed:
        notes.append(f"columns were guessed: text is {text!r}, label is {label!r}")
    return text, label


def _guess_kind(texts: list, labels: list, text: str, label: str) -> str:
    if isinstance(labels[0], list):
        return "token classification" if isinstance(texts[0], list) else "multi-label"
    if label.casefold() in _GENERATION or (text.casefold() == "source" and label.casefold() == "target"):
        return "generation"
    numbers = [value for value in labels if isinstance(value, (int, float)) or _is_number(str(value))]
    if len(numbers) == len(labels) and not all(
        float(value).is_integer() for value in numbers if math.isfinite(float(value))
    ):
        return "regression"
    return "classification"


def _filled(value) -> bool:
    return bool(str(value).strip()) if not isinstance(value, list) else bool(value)


def _is_tagged(words, tags) -> bool:
    return (
        isinstance(words, list)
        and isinstance(tags, list)
        and len(words) == len(tags)
        and all(isinstance(w, str) for w in words + tags)
    )


def _names(value) -> frozenset[str]:
    if isinstance(value, list):
        return frozenset(str(name) for name in value)
    separator = ";" if ";" in value else "|"
    return frozenset(name.strip() for name in value.split(separator) if name.strip())


def _is_number(value: str) -> bool:
    try:
        float(value)
    except ValueError:
        return False
    return True


def _number(path: Path, value: str | Sequence) -> float:
    number = float(value) if _is_number(str(value)) else math.nan
    if not math.isfinite(number):
        raise TlkitError(f"{path}: the label {value!r} is no finite number, as a regression needs")
    return number

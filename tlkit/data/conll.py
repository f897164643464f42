"""Sentences in CoNLL columns: a word a line, its tag in the last column, a blank line between sentences.

Tags may be BIO1 (B- only between neighbours of one type), BIO2 (every entity begins with B-), BIOES or BILOU, or bare
types; all become BIO2.
"""

from pathlib import Path

from tlkit.data.reading import Reading, read_text
from tlkit.errors import TlkitError

_TO_BIOES = {"L": "E", "U": "S"}


def read_conll(path: Path) -> Reading:
    """Sentences as tuples of words, with BIO2 tags.

    Raises:
        TlkitError: a line with one column only, rows of different widths, tags of no known scheme, or no sentence.
    """
    content, notes = read_text(path)
    sentences, skipped = _sentences(path, content)
    if skipped:
        notes.append(f"{skipped} lines of {path.name} that mark documents or are comments were left out")
    if not sentences:
        raise TlkitError(f"{path} holds no sentence")
    rows, scheme_notes = to_bio2([tags for _, tags in sentences], path.name)
    return Reading(
        "token classification", "text", [words for words, _ in sentences], rows, None, None, notes + scheme_notes
    )


def _sentences(path: Path, content: str) -> tuple[list[tuple[tuple[str, ...], list[str]]], int]:
    sentences, words, tags, skipped, width = [], [], [], 0, None
    tabbed = content.count("\t") > 0
    for number, line in enumerate([*content.replace("\r\n", "\n").split("\n"), ""], start=1):
        cells = [cell.strip() for cell in line.split("\t")] if tabbed else line.split()
        cells = [] if not any(cells) else cells
        if line.startswith("-DOCSTART-") or (line.startswith("# ") and len(cells) != (width or 2)):
            skipped += 1
            continue
        if not cells:
            if words:
                sentences.append((tuple(words), tags))
            words, tags = [], []
            continue
        if len(cells) < 2 or not cells[0] or not cells[-1]:
            raise TlkitError(
                f"{path}: line {number} is {line.strip()!r}, and should be a word and its tag in two columns or more"
            )
        width = width or len(cells)
        if len(cells) != width:
            raise TlkitError(f"{path}: line {number} has {len(cells)} columns and the first line {width}")
        words.append(cells[0])
        tags.append(cells[-1])
    return sentences, skipped


def to_bio2(rows: list[list[str]], name: str) -> tuple[list[list[str]], list[str]]:
    """Tags of any scheme as BIO2, and notes on the scheme and on what was repaired.

    Raises:
        TlkitError: a tag that is neither O nor a prefix, a hyphen and a type.
    """
    kinds = {tag for row in rows for tag in row} - {"O"}
    if not kinds:
        return rows, [f"no word in {name} has a tag other than O"]
    if not any(_prefix(tag) for tag in kinds):
        return [_bare_to_bio2(row) for row in rows], [
            f"tags of {name} are bare types; neighbours of one type were taken as one entity"
        ]
    if odd := sorted(tag for tag in kinds if not _prefix(tag)):
        raise TlkitError(
            f"{name}: the tag {odd[0]!r} is neither O nor a prefix (B, I, E, S, L, U), a hyphen and a type"
        )
    used = {_prefix(tag) for tag in kinds}
    if used & {"E", "S", "L", "U"}:
        converted, broken = zip(*(_bioes_to_bio2(row) for row in rows), strict=True)
        scheme = f"tags of {name} are {'BILOU' if used & {'L', 'U'} else 'BIOES'}; they were converted to BIO2"
    else:
        opening_i, opening_b = _count_openings(rows)
        converted = [bio_to_bio2(row) for row in rows]
        broken = [sum(_prefix(old) == "I" and new[0] == "B" for old, new in zip(*pair)) for pair in zip(rows, converted)]
        if opening_i and not opening_b:
            return converted, [f"tags of {name} are BIO1; they were converted to BIO2"]
        scheme = ""
    count = sum(broken)
    mended = (
        [f"{count} entities of {name} did not begin as they should (I- or E- without B-) and were taken to begin there"]
        if count
        else []
    )
    return list(converted), ([scheme] if scheme else []) + mended


def _prefix(tag: str) -> str:
    """The prefix of a tag in capitals, or nothing if it has none."""
    head, hyphen, kind = tag.partition("-")
    return head.upper() if hyphen and kind and head.upper() in ("B", "I", "E", "S", "L", "U") else ""


def _count_openings(rows: list[list[str]]) -> tuple[int, int]:
    """How many entities begin with I-, and how many with a B- that BIO1 would not need."""
    opening_i = opening_b = 0
    for row in rows:
        previous = ""
        for tag in row:
            kind = tag.partition("-")[2]
            opening_i += _prefix(tag) == "I" and kind != previous
            opening_b += _prefix(tag) == "B" and kind != previous
            previous = kind
    return opening_i, opening_b


def bio_to_bio2(tags: list[str]) -> list[str]:
    """The tags of a sentence in BIO1 or BIO2 as BIO2, in which every entity begins with B.

    In BIO1 an entity begins with I, and with B only right behind another one of its type (Ramshaw and Marcus 1995).
    """
    converted, previous = [], ""
    for tag in tags:
        kind = tag.partition("-")[2]
        opens = _prefix(tag) == "B" or (kind != previous and kind != "")
        converted.append(f"{'B' if opens else 'I'}-{kind}" if kind else "O")
        previous = kind
    return converted


def _bioes_to_bio2(row: list[str]) -> tuple[list[str], int]:
    tags, open_kind, broken = [], "", 0
    for tag in row:
        kind = tag.partition("-")[2]
        prefix = _TO_BIOES.get(_prefix(tag), _prefix(tag))
        inside = prefix in ("I", "E") and kind == open_kind
        broken += prefix in ("I", "E") and not inside
        tags.append(f"{'I' if inside else 'B'}-{kind}" if kind else "O")
        open_kind = kind if prefix in ("B", "I") else ""
    return tags, broken


def _bare_to_bio2(row: list[str]) -> list[str]:
    return [
        tag if tag == "O" else f"{'I' if place and row[place - 1] == tag else 'B'}-{tag}"
        for place, tag in enumerate(row)
    ]

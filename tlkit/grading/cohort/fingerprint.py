"""What is left of an answer without names and layout: runs of a few tokens of code, or of a few words of text.

In the manner of winnowing (Schleimer, Wilkerson and Aiken 2003), without the thinning out, since answers are short.
"""

import builtins
import io
import keyword
import re
import tokenize

CODE_RUN, TEXT_RUN = 6, 4
MOST_CHARACTERS = 50_000
_KEPT = frozenset(dir(builtins)) | frozenset(keyword.kwlist)
_LAYOUT = frozenset((tokenize.COMMENT, tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING, tokenize.ENDMARKER))


def code_runs(source: str, length: int = CODE_RUN) -> frozenset[tuple[str, ...]]:
    """Every run of `length` tokens in a Python source, without what its writer could change in passing.

    Comments, docstrings, blank lines, indentation and line ends are gone; names are one and the same, but for keywords,
    Python's own functions, attributes and the names of keyword arguments; so are strings. Numbers stay.

    Source that cannot be read as Python to its end counts as far as it can.
    """
    return _runs(_tokens(source[:MOST_CHARACTERS]), length)


def text_runs(text: str, length: int = TEXT_RUN) -> frozenset[tuple[str, ...]]:
    """Every run of `length` words in a text, without case, punctuation and layout."""
    return _runs(re.findall(r"\w+", text[:MOST_CHARACTERS].casefold()), length)


def _runs(parts: list[str], length: int) -> frozenset[tuple[str, ...]]:
    return frozenset(tuple(parts[start:start + length]) for start in range(len(parts) - length + 1))


def _tokens(source: str) -> list[str]:
    found: list[str] = []
    at_start, depth, in_header, before = True, 0, False, ""
    for kind, text, following in _read(source):
        if kind in _LAYOUT:
            continue
        if kind == tokenize.NEWLINE:
            at_start, in_header = True, False
            continue
        if kind == tokenize.STRING and at_start and following in ("", "\n", "\r\n", ";"):
            continue  # a docstring
        if kind == tokenize.OP:
            depth += (text in "([{") - (text in ")]}")
        in_header = in_header or (at_start and text in ("def", "class"))
        found.append(_plain(kind, text, before, names_an_argument=following == "=" and depth > 0 and not in_header))
        at_start, before = text in (":", ";") and depth == 0, text
    return found


def _plain(kind: int, text: str, before: str, names_an_argument: bool) -> str:
    if kind == tokenize.NAME:
        return text if text in _KEPT or before == "." or names_an_argument else "name"
    if kind == tokenize.NUMBER:
        return text.lower().replace("_", "")
    is_text = kind == tokenize.STRING or tokenize.tok_name[kind].startswith("FSTRING")
    return "text" if is_text else text


def _read(source: str):
    """(kind, text, text of the next token) as far as the source can be read."""
    tokens = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            tokens.append((token.type, token.string))
    except (tokenize.TokenError, SyntaxError, ValueError, RecursionError):
        pass
    return [(kind, text, following) for (kind, text), (_, following) in zip(tokens, [*tokens[1:], (tokenize.ENDMARKER, "")])]

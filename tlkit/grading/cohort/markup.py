"""HTML pages that hold everything they show and ask nothing of any network; every text in them is escaped."""

import re
import warnings
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from matplotlib.figure import Figure

from tlkit.drawing import as_html

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #1a1a1a; background: #fff; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1, h2, h3 { line-height: 1.25; }
table { border-collapse: collapse; margin: 1rem 0; width: 100%; }
caption { text-align: left; font-weight: 600; padding-bottom: .3rem; }
th, td { text-align: left; vertical-align: top; padding: .25rem .8rem .25rem 0; border-bottom: 1px solid #ddd; }
ul, p, .scroll { overflow-wrap: break-word; } .scroll { overflow-x: auto; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
td.short { white-space: nowrap; }
figure { margin: 1rem 0; } figcaption { color: #444; }
pre { background: #f6f6f6; padding: .5rem; overflow-x: auto; white-space: pre-wrap; overflow-wrap: anywhere; }
.columns { display: grid; grid-template-columns: 1fr 1fr; gap: 1rem; }
.self-reported { border-left: 5px solid #e69f00; padding-left: .8rem; }
""".strip()


class Html(str):
    """Text that is HTML already; any other text is escaped where it enters a page."""


def html(text: Any) -> Html:
    """A text as HTML, escaped unless it is Html already; halves of characters are replaced."""
    if isinstance(text, Html):
        return text
    return Html(escape(str(text).encode("utf-8", "replace").decode()))


def marked(text: str) -> Html:
    """Escaped text in which `code` is set as code."""
    return Html(re.sub(r"`([^`]+)`", r"<code>\1</code>", html(text)))


def page(title: str, parts: Iterable[Any]) -> str:
    """A whole page. Its policy forbids scripts and everything from elsewhere, should an escape ever be missing."""
    policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    return (f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{policy}">'
            f'<meta name="viewport" content="width=device-width"><title>{html(title)}</title><style>{_STYLE}</style></head>\n'
            f"<body><main><h1>{html(title)}</h1>\n" + "\n".join(html(part) for part in parts) + "\n</main></body></html>\n")


def element(tag: str, *parts: Any, **attributes: str) -> Html:
    """An element; `class_` stands for class."""
    given = "".join(f' {name.rstrip("_")}="{html(value)}"' for name, value in attributes.items())
    return Html(f"<{tag}{given}>{''.join(html(part) for part in parts)}</{tag}>")


def listed(lines: Iterable[Any]) -> Html:
    """A list, one line an item."""
    return element("ul", *(element("li", line) for line in lines))


def table(caption: str, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> Html:
    """A table; numbers stand right, short texts on one line, and what is too wide scrolls by itself."""
    rows = [list(row) for row in rows]
    numeric = [bool(rows) and all(isinstance(row[i], int | float) for row in rows) for i in range(len(header))]

    def cell(tag: str, i: int, value: Any) -> Html:
        shown = f"{value:.3g}" if isinstance(value, float) else value
        more = {"class_": "number"} if numeric[i] else {"class_": "short"} if len(str(shown)) <= 20 else {}
        return element(tag, shown, **more | ({"scope": "col"} if tag == "th" else {}))

    head = element("tr", *(cell("th", i, name) for i, name in enumerate(header)))
    body = [element("tr", *(cell("td", i, value) for i, value in enumerate(row))) for row in rows]
    whole = element("table", element("caption", caption), element("thead", head), element("tbody", *body))
    return element("div", whole, class_="scroll")


def picture(drawn: tuple[Figure, str]) -> Html:
    """A figure with its words, for those who cannot see it."""
    figure, words = drawn
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # characters that the font has no picture for
        return element("figure", Html(as_html(figure, words.encode("utf-8", "replace").decode())))

"""Feedback pages: nbgrader's own, without anything in them that a submission could make a browser run."""

import copy
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bleach
import nbgrader
from bleach.css_sanitizer import CSSSanitizer
from jinja2 import pass_context
from nbconvert.exporters import HTMLExporter
from nbconvert.filters.highlight import Highlight2HTML
from nbformat import NotebookNode
from traitlets import default
from traitlets.config import Config

from tlkit.grading.rebuild import grade_id, is_hand_graded
from tlkit.grading.score import Score, points_earned, points_possible

_FORMGRADER = Path(nbgrader.__file__).parent / "server_extensions" / "formgrader"
_SHOWN = ("text/plain", "text/html", "text/markdown", "text/latex", "image/png", "image/jpeg", "image/svg+xml")
_PICTURES = ("image/png", "image/jpeg")
_MAX_KEPT, _LONGEST_KEPT = 1_000, 20_000  # texts that a process keeps rendered, and characters of the longest of them
_TAGS = {
    "a", "abbr", "b", "blockquote", "br", "code", "dd", "del", "details", "div", "dl", "dt", "em", "h1", "h2", "h3", "h4",
    "h5", "h6", "hr", "i", "img", "kbd", "li", "ol", "p", "pre", "s", "small", "span", "strong", "sub", "summary", "sup",
    "table", "tbody", "td", "tfoot", "th", "thead", "tr", "ul",
}
_ATTRIBUTES = {"class", "id", "style", "title", "align", "scope", "colspan", "rowspan", "role", "type", "alt", "start"}
_STYLES = CSSSanitizer(allowed_css_properties=[
    "border", "border-left", "color", "cursor", "font-family", "font-style", "font-weight", "list-style-type", "margin",
    "margin-bottom", "margin-top", "padding", "text-align", "text-decoration", "vertical-align", "white-space",
])


def feedback_page(notebook: NotebookNode, scores: list[Score], name: str) -> str:
    """The page for one graded notebook, without a gradebook.

    What a person grades stands there without points, and with a word that says so.

    Args:
        notebook: rebuilt and executed.
        name: the page's title.
    """
    notebook, by_id = copy.deepcopy(notebook), {score.grade_id: score for score in scores}
    for cell in notebook.cells:
        score = by_id.get(grade_id(cell))
        if score is None:
            continue
        if is_hand_graded(cell):
            cell.metadata["nbgrader"] |= {
                "grade": False, "comment": f"A person grades this, for up to {score.max_points:g} points."}
        else:
            cell.metadata["nbgrader"] |= {"score": score.points, "points": score.max_points}
    resources = {"metadata": {"name": name}, "nbgrader": {
        "notebook": name, "late_penalty": 0,
        "score": points_earned(scores), "max_score": points_possible(scores),
    }}
    return _exporter().from_notebook_node(notebook, resources)[0]


@functools.cache
def _exporter() -> "FeedbackExporter":
    """One exporter for a process, since it takes longer to compile its templates than to fill them."""
    return FeedbackExporter(config=Config({"FeedbackExporter": {
        "template_name": "feedback",
        "extra_template_basedirs": [str(_FORMGRADER / "templates")],
        "extra_template_paths": [str(_FORMGRADER / "static" / "node_modules" / "bootstrap" / "dist" / "css")],
        "preprocessors": ["nbconvert.preprocessors.CSSHTMLHeaderPreprocessor"],
    }}))


class FeedbackExporter(HTMLExporter):
    """HTML in which text, answers and outputs cannot hold scripts, frames, forms or foreign pictures."""

    @default("sanitize_html")
    def _sanitize_html_default(self) -> bool:
        return True

    def default_filters(self):
        yield from super().default_filters()
        yield "clean_html", cleaned
        yield "markdown2html", self._markdown2html_cleaned

    @pass_context
    def _markdown2html_cleaned(self, context, source: str) -> str:
        return _rendered("markdown", source, lambda: cleaned(self.markdown2html(context, source)))

    def from_notebook_node(self, nb: NotebookNode, resources: dict[str, Any] | None = None, **kwargs):
        """The page and its resources.

        HTMLExporter's own method would parse the whole page once more, for what Lab's templates need and for texts in place
        of pictures; the latter come from the outputs here.
        """
        nb = copy.deepcopy(nb)
        nb.metadata.pop("widgets", None)
        for cell in nb.cells:
            cell.pop("attachments", None)
            for output in cell.get("outputs", []):
                if "metadata" in output:  # nbconvert sets widths and file names from it, without quotes
                    output.metadata = NotebookNode({kind: {"alt": _description(output.metadata, kind)} for kind in _PICTURES})
                if "data" in output:
                    output.data = NotebookNode({kind: output.data[kind] for kind in _SHOWN if kind in output.data})
        language = nb.metadata.get("language_info", {})
        highlight = Highlight2HTML(pygments_lexer=language.get("pygments_lexer", language.get("name")), parent=self)
        self.register_filter("highlight_code", lambda source, metadata=None: _rendered(highlight.pygments_lexer, source, lambda: highlight(source)))
        html, resources = super(HTMLExporter, self).from_notebook_node(nb, self._init_resources(resources), **kwargs)
        return html.encode("utf-8", "replace").decode(), resources  # half characters cannot be written


def _description(metadata: NotebookNode, kind: str) -> str:
    """What stands in a picture's place for those who cannot see it."""
    of_kind = metadata.get(kind)
    said = of_kind.get("alt") if isinstance(of_kind, dict) else None
    return said[:1_000] if isinstance(said, str) and said else "a picture without a description"


_kept: dict[tuple[str, str], str] = {}


def _rendered(how: str, source: str, render: Callable[[], str]) -> str:
    """What `render` makes of a text, or made of it before: most texts, code and verdicts of a class's notebooks are the same."""
    if len(source) > _LONGEST_KEPT:
        return render()
    if (how, source) not in _kept:
        if len(_kept) >= _MAX_KEPT:
            _kept.clear()
        _kept[how, source] = render()
    return _kept[how, source]


def cleaned(html: str | bytes) -> str:
    """The HTML with what is harmless in it; the rest is shown as text."""
    html = html.decode() if isinstance(html, bytes) else str(html)
    return _rendered("html", html, lambda: bleach.clean(html, tags=_TAGS, attributes=_is_harmless, css_sanitizer=_STYLES))


def _is_harmless(tag: str, name: str, value: str) -> bool:
    if name == "src":  # a picture from elsewhere would tell its owner who reads this page
        return tag == "img" and (value.startswith("data:image/") or not value.lstrip().startswith(("http", "/", "\\")))
    return name in _ATTRIBUTES or (tag == "a" and name == "href")

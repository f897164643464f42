"""Sphinx's settings. `book.build` writes the sources and says in the environment where what is published as it is lies."""

import os
from importlib.util import find_spec
from pathlib import Path

from pygments.lexers.special import TextLexer

from book.build import ADDRESS, EXTRA

_HERE = Path(__file__).parent
_MATHJAX = Path(find_spec("sphinx-mathjax-offline").submodule_search_locations[0]) / "static" / "mathjax"
_ADDRESS = os.environ.get(ADDRESS)

project, author = "tlkit", ""
copyright = "the authors of tlkit. Texts and pictures: CC BY 4.0. Code: BSD-3-Clause"  # noqa: A001
extensions = ["myst_nb", "sphinx.ext.githubpages"]  # the latter adds .nojekyll
exclude_patterns = []
myst_enable_extensions = ["dollarmath", "amsmath"]
myst_heading_anchors = 3
myst_mathjax_classes = "tex2jax_process|mathjax_process|math|text_html"  # in HTML that a cell shows as well, as in JupyterLab
nb_execution_mode = "off"  # `book.executed` has run them

html_title = "tlkit: a course on deep transfer learning"
html_theme = "sphinx_book_theme"
html_theme_options = {
    "use_download_button": False,
    "use_fullscreen_button": False,
    "navbar_persistent": [],
    "show_navbar_depth": 1,
    "navigation_with_keys": False,
    "search_bar_text": "Search the book",
    "icon_links": [{"name": "Repository", "url": _ADDRESS, "icon": "fa-solid fa-code-branch"}] if _ADDRESS else [],
}
html_context = {"default_mode": "auto"}
html_static_path = [str(_HERE / "static"), str(_MATHJAX / "tex-svg-full.js")]  # one file, which loads no other
html_favicon = str(_HERE / "static" / "favicon.svg")
html_css_files = ["book.css"]
html_js_files = [(None, {"body": "if (location.protocol === 'file:') DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false"})]  # it fetches
html_extra_path = [os.environ[EXTRA]]
html_copy_source = False
html_show_sourcelink = False

mathjax_path = "tex-svg-full.js"
mathjax3_config = {
    "tex": {"inlineMath": [["\\(", "\\)"], ["$", "$"]]},
    "options": {"enableMenu": False},  # the menu would load files that are not there
}


def setup(app):
    app.add_lexer("csv", TextLexer)  # Pygments has none

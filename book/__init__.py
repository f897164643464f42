"""The course as a web book: every unit run as it is released, and the pages of docs/.

    python -m book        # `make book`

`executed` runs the notebooks, `pages` makes Sphinx's sources of them, `build` lets Sphinx write the pages by `conf.py` and looks
for answers in what was written. Nothing is fetched, neither while it is built nor by the pages.
"""

"""Figures that tests report at the end of a run, from whichever process they ran in."""

run_all: dict[str, dict] = {}
"""Notebook and state -> seconds and memory of Run All."""

browser: list[str] = []
"""Lines on what JupyterLab took."""

"""Tests share two processes, a file at a time; figures of both are reported at the end."""

import json
import os
from pathlib import Path

import pytest
from playwright.sync_api import Error, sync_playwright

from tests import reported
from tests.browser.chromium import launch

if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported, here and in the kernels that tests start


def _cannot_run(reason: str):
    """A failure where a browser is required (TLKIT_REQUIRE_BROWSER=1), a skip elsewhere."""
    if os.environ.get("TLKIT_REQUIRE_BROWSER") == "1":
        pytest.fail(f"TLKIT_REQUIRE_BROWSER=1, but {reason}", pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="module")
def browser():
    """A Chromium for the tests of one file: while it is open its thread has a running event loop, which no other file should meet.

    Where it cannot run, CI fails and others are told why.
    """
    with sync_playwright() as playwright:
        try:
            chromium = launch(playwright)
        except (FileNotFoundError, Error) as error:
            _cannot_run(f"the browser does not start: {error}")
        yield chromium
        chromium.close()


def pytest_sessionfinish(session):
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["reported"] = json.dumps([reported.run_all, reported.browser])


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    run_all, browser = json.loads(getattr(node, "workeroutput", {}).get("reported", "[{}, []]"))
    reported.run_all.update(run_all)
    reported.browser.extend(browser)


def pytest_terminal_summary(terminalreporter):
    if reported.run_all:
        terminalreporter.section("Run All")
        for name, figures in sorted(reported.run_all.items()):
            terminalreporter.write_line(
                f"{name:40} {figures['seconds']:6.1f} s   peak {figures['peak_mb']} MB   "
                f"slowest cell {figures['slowest_cell']}, {figures['slowest_cell_seconds']:.1f} s")
        path = Path(__file__).parents[1] / "artefacts" / "run_all.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(reported.run_all, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    if reported.browser:
        terminalreporter.section("JupyterLab in a browser")
        for line in reported.browser:
            terminalreporter.write_line(line)

"""One Chromium and one JupyterLab for all browser tests; where they cannot run, CI fails and others are told why."""

import os

import pytest
from playwright.sync_api import Error, sync_playwright

from tests import reported
from tests.browser.chromium import WINDOW, launch
from tests.browser.server import running_lab

pytest.register_assert_rewrite("tests.browser.claims")  # so that its claims say what is the case


def _cannot_run(reason: str):
    """A failure where a browser is required (TLKIT_REQUIRE_BROWSER=1), a skip elsewhere."""
    if os.environ.get("TLKIT_REQUIRE_BROWSER") == "1":
        pytest.fail(f"TLKIT_REQUIRE_BROWSER=1, but {reason}", pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def browser():
    with sync_playwright() as playwright:
        try:
            chromium = launch(playwright)
        except (FileNotFoundError, Error) as error:
            _cannot_run(f"the browser does not start: {error}")
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def lab(browser, tmp_path_factory):
    """JupyterLab at unit 01, in an empty folder."""
    with running_lab(tmp_path_factory.mktemp("lab"), "01") as running:
        reported.browser.append(f"JupyterLab answered {running.seconds:.1f} s after `tlkit lab`")
        yield running


@pytest.fixture(scope="module")
def page(browser):
    """A fresh window: no cookie, no setting, nothing stored."""
    context = browser.new_context(viewport=WINDOW)
    yield context.new_page()
    context.close()


@pytest.fixture(scope="session")
def took():
    """Lines for the report at the end of the session."""
    return reported.browser

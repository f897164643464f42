"""JupyterLab and a window for the browser tests of a file."""

import pytest

from tests import reported
from tests.browser.chromium import WINDOW
from tests.browser.server import running_lab

pytest.register_assert_rewrite("tests.browser.claims")  # so that its claims say what is the case


@pytest.fixture(scope="module")
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

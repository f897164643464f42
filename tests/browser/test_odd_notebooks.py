"""Every second notebook of the course in JupyterLab, as `tests.browser.claims` has it."""

import pytest

from tests.browser.claims import Claims, lab, visits  # noqa: F401
from tests.course.conftest import NOTEBOOKS

pytestmark = [pytest.mark.browser, pytest.mark.slow]

unit = visits(list(NOTEBOOKS)[1::2])


class TestOddNotebooks(Claims):
    pass

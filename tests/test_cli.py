import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from tlkit.cli import app
from tlkit.errors import TlkitError

COMMANDS = ["lab", "reset", "update", "doctor", "grade", "secret", "insights", "late", "export", "similar", "regrade", "build", "verify", "pretrain"]


def tlkit(*arguments: str):
    return CliRunner().invoke(app, arguments)


def test_every_command_is_listed_with_what_it_does():
    result = tlkit("--help")
    assert result.exit_code == 0
    assert all(command in result.output for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_explains_itself(command):
    result = tlkit(command, "--help")
    assert result.exit_code == 0 and "Usage" in result.output


@pytest.mark.parametrize("arguments", [
    ("build", "99"), ("build", "--root", "/nowhere"), ("reset", "99"), ("update", "99"), ("lab", "99"),
    ("pretrain", "nothing"),
])
def test_what_a_user_can_mend_is_one_line_on_stderr(arguments):
    result = tlkit(*arguments)
    assert result.exit_code == 1 and result.stdout == ""
    assert result.stderr.startswith("tlkit: ") and result.stderr.count("\n") == 1


def test_an_error_of_ours_ends_without_a_traceback(tmp_path):
    result = subprocess.run([sys.executable, "-m", "tlkit", "reset", "99"], capture_output=True, text=True, cwd=tmp_path)
    assert result.returncode == 1 and result.stdout == "" and "Traceback" not in result.stderr


def test_a_missing_tool_of_the_course_is_named(monkeypatch):
    from tlkit.course import build

    def missing(*_):
        raise ModuleNotFoundError("No module named 'nbgrader'", name="nbgrader")

    monkeypatch.setattr(build, "build", missing)
    result = tlkit("build")
    assert result.exit_code == 1 and "pip install 'tlkit[lab]'" in result.stderr


def test_an_error_that_is_a_bug_is_not_hidden(monkeypatch):
    from tlkit.course import build

    def broken(*_):
        raise KeyError("a bug")

    monkeypatch.setattr(build, "build", broken)
    assert isinstance(tlkit("build").exception, KeyError)


def test_lab_hands_further_options_to_jupyterlab(monkeypatch):
    from tlkit.course import lab

    seen = []
    monkeypatch.setattr(lab, "open_lab", lambda unit, arguments: seen.append((unit, arguments)) or 0)
    assert tlkit("lab", "01", "--no-browser", "--port", "8890").exit_code == 0
    assert tlkit("lab", "--no-browser").exit_code == 0
    assert tlkit("lab", "--ServerApp.ip=127.0.0.1", "--no-browser").exit_code == 0
    assert tlkit("lab", "--port", "8890").exit_code == 0
    assert tlkit("lab").exit_code == 0
    assert seen == [
        ("01", ["--no-browser", "--port", "8890"]),
        (None, ["--no-browser"]),
        (None, ["--ServerApp.ip=127.0.0.1", "--no-browser"]),
        (None, ["--port", "8890"]),
        (None, []),
    ]


def test_asking_for_help_imports_nothing_heavy():
    code = "import sys\ntry:\n    from tlkit.cli import app; app(['--help'])\nexcept SystemExit: pass\n" \
           "heavy = {'torch', 'numpy', 'nbgrader', 'jupytext', 'sklearn'} & set(sys.modules)\nassert not heavy, heavy"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, env=os.environ)


def test_our_error_is_a_value_error():
    assert issubclass(TlkitError, ValueError)

"""What docs/class.md shows is what the commands take."""

import re
from pathlib import Path

import pytest
from typer.main import get_command

from tlkit.cli import app
from tlkit.grading.cohort.columns import read_columns
from tlkit.grading.cohort.lateness import read_extensions, read_policies

PAGE = (Path(__file__).parents[2] / "docs" / "class.md").read_text(encoding="utf-8")


def example(name, tmp_path):
    path = tmp_path / f"{name}.csv"
    path.write_text(re.search(rf"<!-- {name} -->\n```csv\n(.*?)```", PAGE, re.DOTALL)[1])
    return path


def test_the_policy_can_be_read(tmp_path):
    found = read_policies(example("policy", tmp_path))
    assert found["01_why_transfer"].share_lost(3 * 86_400) == pytest.approx(0.3) and found["*"].due is None


def test_the_extensions_can_be_read(tmp_path):
    assert [each.hours for each in read_extensions(example("extensions", tmp_path))] == [None, 48]


def test_the_columns_can_be_read(tmp_path):
    assert [column.name for column in read_columns(example("columns", tmp_path))][-1] == "Why transfer? (4711)"


def test_every_command_and_option_on_the_page_is_there():
    commands = get_command(app).commands
    for name, rest in re.findall(r"tlkit ([a-z]+)([^`\n]*)", PAGE):
        if name in ("grade", "build"):
            continue
        known = {option for parameter in commands[name].params for option in parameter.opts}
        assert set(re.findall(r"--[a-z-]+", rest)) <= known, (name, rest)


def test_the_page_says_what_cannot_be_known():
    assert "**They cannot be detected**" in PAGE and "What helps instead" in PAGE

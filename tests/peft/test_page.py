"""What docs/peft.md shows runs, from top to bottom, and names every plan."""

import re
from dataclasses import fields
from pathlib import Path

from typer.main import get_command

from tlkit import peft, plans
from tlkit.cli import app
from tlkit.peft.methods import METHODS

PAGE = (Path(__file__).parents[2] / "docs" / "peft.md").read_text(encoding="utf-8")


def test_the_page_runs_as_it_stands(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    for block in re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL):
        exec(block, names)  # noqa: S102 - the project's own page
    assert (tmp_path / "plain.tl").stat().st_size > 10 * (tmp_path / "digits.tl").stat().st_size
    assert names["shelf"].names == ["digits", "three or seven"] and names["shelf"].active == "three or seven"


def test_the_page_names_every_method_and_setting():
    for name, method in METHODS.items():
        row = next(line for line in PAGE.splitlines() if line.startswith(f"| `{name}`"))
        assert all(f"`{field.name}`" in row for field in fields(method)), name
        assert name in plans.PLANS


def test_every_command_and_option_on_the_page_is_there():
    commands = get_command(app).commands
    found = {name: set(re.findall(r"--[a-z-]+", rest)) for name, rest in re.findall(r"From a terminal: `tlkit ([a-z]+)(.*?)\n\n", PAGE + "\n", re.DOTALL)}
    assert set(found) == {"finetune", "distill"}
    for name, options in found.items():
        assert options <= {option for parameter in commands[name].params for option in parameter.opts}, name


def test_everything_that_the_package_offers_is_there():
    assert all(getattr(peft, name) is not None for name in peft.__all__)

"""The documented table is that of the results, and the results come out again."""

import json
from pathlib import Path

import pytest
import torch

from benchmarks import gradients as benchmark
from tlkit.gradients import derivations, derive
from tlkit.gradients.closed_forms import CLOSED_FORMS

DOC = (Path(__file__).parents[2] / "docs" / "gradients.md").read_text(encoding="utf-8")
RESULTS = json.loads(benchmark.RESULTS.read_text(encoding="utf-8"))


def test_the_documented_table_is_that_of_the_results():
    assert benchmark.table(RESULTS) in DOC
    assert list(RESULTS["forms"]) == [form.name for form in CLOSED_FORMS]


def test_documented_numbers_of_lines_and_proofs_are_right():
    for name in derivations():
        proofs = derive(name).proofs
        count = sum(1 + (proof.follows is not None) for proof in proofs)
        assert f"| `{name}` | {len(proofs)} | {count} |" in DOC


@pytest.mark.parametrize("form", CLOSED_FORMS, ids=lambda form: form.name)
def test_a_documented_error_comes_out_again(form, monkeypatch):
    monkeypatch.setattr(benchmark, "SEEDS", 20)
    for dtype, key in ((torch.float64, "float64"), (torch.float32, "float32")):
        found = benchmark.errors(form, dtype)
        assert found <= max(10 * RESULTS["forms"][form.name][key], 100 * torch.finfo(dtype).eps)


@pytest.mark.parametrize("form", CLOSED_FORMS, ids=lambda form: form.name)
def test_what_is_timed_is_the_same_gradient(form):
    example = benchmark.timed_example(form, (3, 4), "cpu")
    assert all(torch.allclose(found, due, rtol=1e-3, atol=1e-4)
               for found, due in zip(form.by_formula(example), form.by_autograd(example)))
    took = benchmark.seconds(form, example, "cpu", repeats=1)
    assert set(took) == {"formula", "autograd", "backward"} and min(took.values()) > 0

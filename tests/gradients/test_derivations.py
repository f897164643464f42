"""Derivations hold, and one that does not says where."""

from dataclasses import replace

import pytest
import sympy
import torch

from tlkit.errors import TlkitError
from tlkit.gradients import derivations, derive
from tlkit.gradients.derivation import Derivation, Line, StepDoesNotHold
from tlkit.gradients.proofs import Derivative, Fact, Judgement, agree

HOLD = [name for name in derivations() if name != "source_4_2"]
PROMISED = {"sigmoid", "bce", "bce_with_logits", "softmax_cross_entropy", "linear", "frozen_body", "lora", "distillation",
            "layernorm", "attention", "source_4_2"}


def test_every_promised_derivation_is_there():
    assert PROMISED <= set(derivations())


@pytest.mark.parametrize("name", HOLD)
def test_every_line_is_true_and_follows(name):
    proofs = derive(name).verify()
    assert len(proofs) == len(derive(name).lines) >= 4
    assert all(proof.holds for proof in proofs)
    assert sum(proof.follows is not None for proof in proofs) >= 3


def test_scalar_steps_are_identities_and_no_numerical_accidents():
    for name in ("sigmoid", "bce", "bce_with_logits", "source_4_2_mended"):
        assert {proof.true.how for proof in derive(name).proofs[1:]} == {"identity"}
        assert {proof.follows.how for proof in derive(name).proofs if proof.follows} == {"identity"}


def test_tensor_steps_agree_with_autograd_and_with_differences():
    for name in ("linear", "layernorm", "attention", "lora", "softmax_cross_entropy"):
        assert sum(proof.true.how == "autograd and differences" for proof in derive(name).proofs) >= 4
        assert all(proof.true.error is None or proof.true.error < 1e-8 for proof in derive(name).proofs)


def test_the_sources_lines_are_judged_twice():
    proofs = derive("source_4_2").proofs
    assert [proof.true.holds for proof in proofs] == [True, False, False, True]
    assert [proof.follows and proof.follows.holds for proof in proofs] == [None, False, True, False]


def test_the_source_does_not_verify_and_the_first_bad_line_is_named():
    with pytest.raises(StepDoesNotHold, match="source_4_2, line 2 .* is not true: at .* does not follow from line 1") as raised:
        derive("source_4_2").verify()
    assert raised.value.proof.number == 2


def test_the_mended_last_line_is_the_sources_last_line():
    assert derive("source_4_2").lines[-1].value == derive("source_4_2_mended").lines[-1].value


def _spoilt(name: str, number: int, value) -> Derivation:
    lines = list(derive(name).lines)
    lines[number - 1] = replace(lines[number - 1], value=value)
    return replace(derive(name), lines=tuple(lines))


@pytest.mark.parametrize("name", HOLD)
def test_a_line_that_is_spoilt_is_found(name):
    """Every line that computes something, with its sign flipped or doubled."""
    for number, line in enumerate(derive(name).lines, 1):
        if isinstance(line.truth, Fact):
            continue
        for factor in (-1, 2):
            value = factor * line.value if isinstance(line.value, sympy.Basic) else (lambda at, f=line.value, k=factor: k * f(at))
            proof = _spoilt(name, number, value).proofs[number - 1]
            assert not proof.true.holds and proof.true.counterexample, f"line {number} times {factor}"
            assert proof.follows is None or not proof.follows.holds


def test_a_right_line_after_a_wrong_one_does_not_follow():
    proofs = _spoilt("linear", 3, lambda at: -torch.einsum("no,ni->oi", at["G"], at["X"])).proofs
    assert proofs[3].true.holds and not proofs[3].follows.holds


def test_a_fact_that_is_not_so_is_shown():
    line = Line("x", "x", "look", "It is not so.", None, Fact(lambda seed: f"seen {seed}" if seed == 2 else ""), ())
    proof = Derivation("d", "d", (line,)).proofs[0]
    assert (proof.true.holds, proof.true.counterexample) == (False, "seen 2")


def test_a_wrong_shape_is_no_proof():
    judged = agree(lambda at: at["x"][:, None], lambda at: at["x"], lambda g: {"x": torch.ones(3, dtype=torch.float64)})
    assert judged == Judgement(False, "values", None, "it has the shape (3, 1), and (3,) is due")


def test_a_derivative_is_checked_by_differences_too(monkeypatch):
    wrong = Derivative(lambda at: at["x"].square().sum(), "x")
    monkeypatch.setattr(Derivative, "by_differences", lambda self, point: torch.zeros(3, dtype=torch.float64))
    judged = agree(lambda at: 2 * at["x"], wrong, lambda g: {"x": torch.ones(3, dtype=torch.float64)})
    assert not judged.holds


def test_an_unknown_name_lists_those_there_are():
    with pytest.raises(TlkitError, match="no derivation 'bcee'; there are sigmoid, bce"):
        derive("bcee")


def test_symbols_that_a_derivation_explains_cover_its_formulas():
    for name in derivations():
        assert derive(name).symbols and derive(name).title

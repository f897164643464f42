"""Derivations as numbered steps: HTML with formulas and a mark per proof in a notebook, plain text elsewhere.

A formula is LaTeX, which JupyterLab sets; for those who listen, each one has its plain text as its label. Marks are words
and signs, never colour alone.
"""

from html import escape

from tlkit.gradients.derivation import Derivation, Line, Proof
from tlkit.gradients.proofs import Judgement

_RED, _BLUE, _GREY = "var(--jp-error-color1, #d32f2f)", "#0072b2", "var(--jp-ui-font-color2, #666666)"
_HOW = {
    "identity": "an identity: sympy turns the difference into 0",
    "autograd and differences": "autograd and central differences",
    "values": "computed both ways",
    "observed": "seen in torch",
}


def as_html(derivation: Derivation, upto: int | None = None) -> str:
    """The derivation as HTML.

    Args:
        upto: the last line to show, from 1; None shows all.
    """
    upto = len(derivation.lines) if upto is None else upto
    steps = "".join(_step(derivation, line, proof) for line, proof in zip(derivation.lines[:upto], derivation.proofs))
    symbols = ""
    if derivation.symbols:
        pairs = "; ".join(f"<b>{escape(symbol)}</b>: {escape(meaning)}" for symbol, meaning in derivation.symbols.items())
        symbols = f'<p style="margin:4px 0;color:{_GREY}">Where {pairs}.</p>'
    title = escape(derivation.title)
    return (f'<section class="tlkit-derivation" aria-label="Derivation: {escape(derivation.title, quote=True)}">'
            f'<p style="margin:4px 0;font-weight:700">{title}</p>{symbols}'
            f'<ol style="margin:0;padding-left:2.2em">{steps}</ol>{_summary(derivation, upto)}</section>')


def as_text(derivation: Derivation) -> str:
    """The derivation as plain text, one line for each line and one for its marks."""
    rows = [derivation.title]
    for line, proof in zip(derivation.lines, derivation.proofs):
        rows.append(f"{proof.number:3}. {line.plain}")
        rows.append(f"     {line.rule}: {line.why}")
        rows += [f"     {sign} {text}" for sign, text, _ in _marks(proof)]
        rows += [f"     note: {line.note}"] if line.note else []
    return "\n".join(rows)


def _step(derivation: Derivation, line: Line, proof: Proof) -> str:
    colour = _BLUE if proof.holds else _RED
    marks = "".join(f'<li style="color:{"inherit" if good else _RED}"><span aria-hidden="true">{sign}</span> {escape(text)}</li>'
                    for sign, text, good in _marks(proof))
    note = f'<div style="color:{_GREY}">{escape(line.note)}</div>' if line.note else ""
    return (
        f'<li style="border-left:4px solid {colour};padding:2px 10px;margin:8px 0">'
        f'<div role="math" aria-label="{escape(line.plain, quote=True)}" style="margin:2px 0;overflow:auto hidden">'
        f"$\\displaystyle {escape(line.latex, quote=False)}$</div>"
        f"<div><b>{escape(line.rule)}.</b> {escape(line.why)}</div>{note}"
        f'<ul style="list-style:none;margin:2px 0;padding:0;font-size:90%">{marks}</ul></li>'
    )


def _marks(proof: Proof) -> list[tuple[str, str, bool]]:
    """(sign, words, whether it holds) of a line's one or two judgements."""
    marks = [_mark("true", "not true", proof.true)]
    if proof.follows is not None:
        lines = f"line{'s' if len(proof.after) > 1 else ''} {' and '.join(map(str, proof.after))}"
        marks.append(_mark(f"follows from {lines}", f"does not follow from {lines}", proof.follows))
    return marks


def _mark(good: str, bad: str, judgement: Judgement) -> tuple[str, str, bool]:
    if not judgement.holds:
        return "✗", f"{bad}: {judgement.counterexample}", False
    error = "" if judgement.error is None else f", largest relative error {judgement.error:.1g}"
    return "✓", f"{good} ({_HOW[judgement.how]}{error})", True


def _summary(derivation: Derivation, upto: int) -> str:
    shown = derivation.proofs[:upto]
    untrue = [proof.number for proof in shown if not proof.true.holds]
    unfounded = [proof.number for proof in shown if proof.follows and not proof.follows.holds]
    if not untrue and not unfounded:
        return ""
    said = [f"Not true: line {', '.join(map(str, untrue))}." if untrue else "",
            f"Not following from what stands before: line {', '.join(map(str, unfounded))}." if unfounded else ""]
    right_by_luck = [number for number in unfounded if number not in untrue]
    if right_by_luck:
        said.append(f"True, but it does not follow: line {', '.join(map(str, right_by_luck))}.")
    return f'<p style="margin:4px 0;color:{_RED}"><b>{escape(" ".join(filter(None, said)))}</b></p>'

"""A verdict as a card in a notebook and as plain text elsewhere; the outcome is a word and a sign, never colour alone."""

import re
from html import escape

from tlkit.grading.verdict import Outcome, Verdict

_SIGN = {Outcome.NOT_ATTEMPTED: "○", Outcome.NOT_YET: "△", Outcome.RIGHT: "✓"}
_COLOUR = {Outcome.NOT_ATTEMPTED: "#7a7a7a", Outcome.NOT_YET: "#b35900", Outcome.RIGHT: "#0072b2"}


class Card:
    """What `check` shows: an HTML card in a notebook, plain text in a terminal."""

    def __init__(self, verdict: Verdict):
        self.verdict = verdict

    def __repr__(self) -> str:
        return as_text(self.verdict)

    def _repr_html_(self) -> str:
        return as_html(self.verdict)


def headline(verdict: Verdict) -> str:
    """"△ 01.sample (draw a few labels, fairly): not yet, 1.5 of 3 points"."""
    points = f"{verdict.points:.3g} of {verdict.max_points:.3g} points"
    return f"{_SIGN[verdict.outcome]} {verdict.exercise_id} ({verdict.title}): {verdict.outcome.value}, {points}"


def _lines(verdict: Verdict) -> list[tuple[str, str]]:
    """What a card says below its headline, as (label, text) pairs, the first thing to look at first."""
    lines = []
    if verdict.message:
        lines.append(("", verdict.message))
    if verdict.diagnosis:
        lines.append(("Looks like", verdict.diagnosis.name))
        lines.append(("Why", verdict.diagnosis.why))
    if verdict.failing:
        lines += [
            ("Smallest failing case", verdict.failing.what),
            ("Input", verdict.failing.inputs),
            ("Expected", _at(verdict.failing.where, verdict.failing.expected)),
            ("Got", _at(verdict.failing.where, verdict.failing.got)),
        ]
    lines += [("", note) for note in verdict.notes]
    if verdict.outcome is Outcome.NOT_YET and verdict.groups:
        lines.append(("Parts", "; ".join(f"{'passed' if passed else 'not yet'}: {group}"
                                         for group, passed in verdict.groups.items())))
    return lines


def _at(where: str, side: str) -> str:
    return side if where in ("the value", "the outcome") else f"{where}: {side}"


def _hint(verdict: Verdict) -> str:
    return (verdict.diagnosis and verdict.diagnosis.hint) or verdict.hint


def as_text(verdict: Verdict) -> str:
    """The card as plain text, one thing a line."""
    lines = [headline(verdict)]
    lines += [f"  {label}: {text}" if label else f"  {text}" for label, text in _lines(verdict)]
    if verdict.outcome is Outcome.NOT_YET and _hint(verdict):
        lines.append(f"  Hint: {_hint(verdict)}")
    return "\n".join(lines)


def as_html(verdict: Verdict) -> str:
    """The card as HTML: readable in light and dark themes, the hint folded, every word escaped."""
    rows = "".join(
        f'<tr><th scope="row" style="text-align:left;vertical-align:top;padding:1px 12px 1px 0;'
        f'white-space:nowrap;font-weight:600">{_marked(label)}</th>'
        f'<td style="text-align:left;padding:1px 0">{_marked(text)}</td></tr>'
        if label else f'<tr><td colspan="2" style="text-align:left;padding:1px 0">{_marked(text)}</td></tr>'
        for label, text in _lines(verdict)
    )
    hint = ""
    if verdict.outcome is Outcome.NOT_YET and _hint(verdict):
        hint = (f'<details style="margin-top:4px"><summary style="cursor:pointer">A hint</summary>'
                f"{_marked(_hint(verdict))}</details>")
    return (
        f'<div role="status" class="tlkit-card" style="border-left:5px solid {_COLOUR[verdict.outcome]};'
        f'padding:6px 12px;margin:4px 0">'
        f'<div style="font-weight:700">{_marked(headline(verdict))}</div>'
        f'<table style="border:none;margin:4px 0 0 0">{rows}</table>{hint}</div>'
    )


def _marked(text: str) -> str:
    """Escaped text in which `code` is set as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))

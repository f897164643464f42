"""A verdict as a card in a notebook and as plain text elsewhere; the outcome is a word and a sign, never colour alone."""

import re
from html import escape

from tlkit.grading.verdict import Verdict

_SIGN = {"not attempted": "○", "not yet": "△", "right": "✓"}
_COLOUR = {"not attempted": "var(--jp-ui-font-color2, #757575)", "not yet": "var(--jp-warn-color1, #b35900)",
           "right": "var(--jp-success-color1, #0072b2)"}
_LATER = "Try once more, and a hint is offered."


class Card:
    """What `check` shows: an HTML card in a notebook, plain text in a terminal.

    Args:
        verdict: what was found.
        with_hint: whether the hint is offered (folded, in HTML); else the card says that there will be one.
    """

    def __init__(self, verdict: Verdict, with_hint: bool = True):
        self.verdict = verdict
        self.with_hint = with_hint

    def __repr__(self) -> str:
        return as_text(self.verdict, self.with_hint)

    def _repr_html_(self) -> str:
        return as_html(self.verdict, self.with_hint)


def headline(verdict: Verdict) -> str:
    """"△ 01.sample (draw a few labels, fairly): not yet, 1.5 of 3 points"."""
    points = f"{verdict.points:.3g} of {verdict.max_points:.3g} points"
    return f"{_SIGN[verdict.outcome.value]} {verdict.exercise_id} ({verdict.title}): {verdict.outcome.value}, {points}"


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
    if verdict.outcome.value == "not yet" and verdict.groups:
        for label, passed in (("Passed", True), ("Not yet", False)):
            names = [group for group, right in verdict.groups.items() if right is passed and group not in verdict.waiting]
            lines.append((label, "; ".join(names) if names else "none of the parts" if label == "Passed" else ""))
        lines.append(("Right so far", "; ".join(f"{group} (counts once ordinary input is right too)" for group in verdict.waiting)))
    return [(label, text) for label, text in lines if text]


def _at(where: str, side: str) -> str:
    return side if where in ("the value", "the outcome") else f"{where}: {side}"


def hint_of(verdict: Verdict) -> str:
    """The hint that belongs to a verdict, "" where there is none."""
    if verdict.outcome.value != "not yet":
        return ""
    return (verdict.diagnosis and verdict.diagnosis.hint) or verdict.hint


def as_text(verdict: Verdict, with_hint: bool = True) -> str:
    """The card as plain text, one thing a line."""
    lines = [headline(verdict)]
    lines += [f"  {label}: {text}" if label else f"  {text}" for label, text in _lines(verdict)]
    if hint_of(verdict):
        lines.append(f"  Hint: {hint_of(verdict)}" if with_hint else f"  {_LATER}")
    return "\n".join(lines)


def as_html(verdict: Verdict, with_hint: bool = True) -> str:
    """The card as HTML: in the colours of a light or dark theme, the hint folded, every word escaped."""
    rows = "".join(
        f'<tr style="background:none"><th scope="row" style="text-align:left;vertical-align:top;padding:1px 12px 1px 0;'
        f'white-space:nowrap;font-weight:600">{marked(label)}</th>'
        f'<td style="text-align:left;padding:1px 0;overflow-wrap:anywhere">{marked(text)}</td></tr>'
        if label else f'<tr style="background:none"><td colspan="2" style="text-align:left;padding:1px 0;overflow-wrap:anywhere">{marked(text)}</td></tr>'
        for label, text in _lines(verdict)
    )
    table = f'<table style="border:none;margin:4px 0 0 0;color:inherit">{rows}</table>' if rows else ""
    hint = ""
    if hint_of(verdict):
        hint = (f'<details style="margin-top:4px"><summary style="cursor:pointer">A hint</summary>'
                f"{marked(hint_of(verdict))}</details>" if with_hint else f'<div style="margin-top:4px">{_LATER}</div>')
    return (
        f'<div role="status" class="tlkit-card" style="color:inherit;border-left:5px solid {_COLOUR[verdict.outcome.value]};'
        f'padding:6px 12px;margin:4px 0">'
        f'<div style="font-weight:700">{marked(headline(verdict))}</div>{table}{hint}</div>'
    )


def marked(text: str) -> str:
    """Escaped text, in which `code` is set as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))

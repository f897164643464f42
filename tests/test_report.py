import json
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from tlkit.drawing import Picture
from tlkit.report import Report, evaluate_outputs
from tlkit.report_card import draw_calibration, draw_confusion, operations

NAMES = ("<b>cat</b>", "dog & co", "[red]owl", "$fox$")
TARGETS = np.random.default_rng(0).integers(4, size=80)


def judged(skill: float, names=NAMES, targets=TARGETS):
    logits = np.random.default_rng(1).normal(size=(len(targets), len(names))) + skill * np.eye(len(names))[targets]
    return evaluate_outputs("classification", logits, targets, names, resamples=40)


REPORT = Report(
    "animals", "classification", "glyphnet", {"name": "full", "batch_size": 32}, 3, after=judged(2), before=judged(0),
    seconds=1234.5, peak_memory_mb=812.4, trainable_parameters=10, total_parameters=1000, training_flops=3.2e12,
    notes=("kept at <stage4>",),
)


class Page(HTMLParser):
    """Tags that stand open, tags by name with their attributes, and the text."""

    def __init__(self, html: str):
        super().__init__()
        self.open, self.tags, self.text = [], [], ""
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag != "img":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data

    def all(self, tag: str) -> list[dict]:
        return [attributes for name, attributes in self.tags if name == tag]


def test_the_terminal_shows_before_and_after_side_by_side():
    lines = str(REPORT).splitlines()
    assert lines[0] == "full on animals (classification), glyphnet, seed 3, judged on the test split: 80 examples"
    accuracy = next(line for line in lines if line.split()[:1] == ["accuracy"])
    before, after = (str(each.metrics["accuracy"]) for each in (REPORT.before, REPORT.after))
    assert accuracy.index(before) < accuracy.index(after)
    for words in (*NAMES, "1,234.5", "812 MB", "10 of 1,000 (1.00%)", "3.2 TFLOP", "note: kept at <stage4>"):
        assert words in str(REPORT)
    assert "scratch" not in str(REPORT) and "scratch" in str(replace(REPORT, scratch=judged(1)))


def test_the_notebook_shows_tables_with_headers_and_pictures_with_words():
    page = Page(REPORT._repr_html_())
    assert page.open == []
    assert len(page.all("table")) == len(page.all("caption")) == 4
    assert all(header["scope"] in ("col", "row") for header in page.all("th"))
    right = sum(row[at] for at, row in enumerate(REPORT.after.confusion))
    mistakes = np.array(REPORT.after.confusion) * (1 - np.eye(4, dtype=int))
    truth, taken = np.unravel_index(mistakes.argmax(), mistakes.shape)
    alts = [image["alt"] for image in page.all("img")]
    assert alts[0] == (f"Confusion after training: {right} of 80 examples right. Most often {NAMES[truth]} was "
                              f"taken for {NAMES[taken]}: {mistakes.max()} of its {(TARGETS == truth).sum()}.")
    assert f"after {REPORT.after.metrics['ECE'].mean:.3f}" in alts[1]
    assert not page.all("script") and not page.all("b")
    assert all(name in page.text for name in NAMES) and "kept at <stage4>" in page.text


def test_a_report_survives_json():
    assert Report.from_json(REPORT.to_json()) == REPORT
    assert json.loads(REPORT.to_json())["after"]["metrics"]["accuracy"]["mean"] == REPORT.after.metrics["accuracy"].mean


def test_what_is_not_known_is_null_in_json_and_nan_again_afterwards():
    report = replace(REPORT, after=judged(2, targets=np.zeros(80, int)))
    text = report.to_json()
    json.loads(text, parse_constant=pytest.fail)
    again = Report.from_json(text)
    assert np.isnan(again.after.metrics["AUC"].mean) and np.isnan(again.after.per_class[3].recall)
    assert again.to_json() == text
    assert "not known" in str(again)


def test_many_classes_show_the_hardest():
    names = tuple(f"intent {number}" for number in range(77))
    targets = np.arange(770) % 77
    report = replace(REPORT, after=judged(3, names, targets), before=None)
    hardest = min(report.after.per_class, key=lambda score: score.f1)
    assert "The 12 hardest of 77 classes" in str(report)
    assert hardest.name in str(report).split("The 12 hardest of 77 classes")[1].split("Most frequent")[0]


def test_regression_has_neither_classes_nor_pictures():
    values = np.arange(20.0)
    judged_values = evaluate_outputs("regression", values + 1, values, resamples=40)
    report = Report("diabetes", "regression", "mlp", {"name": "full"}, 0, after=judged_values)
    page = Page(report._repr_html_())
    assert len(page.all("table")) == 2 and not page.all("img")
    assert "MSE (less is better)   1.000 [1.000, 1.000]" in str(report)


def test_figures_draw_what_was_counted():
    axes = draw_confusion(REPORT.after.confusion, NAMES).axes[0]
    assert [int(text.get_text()) for text in axes.texts] == np.array(REPORT.after.confusion).ravel().tolist()
    shares = np.array(REPORT.after.confusion) / np.bincount(TARGETS)[:, None]
    assert np.array(axes.images[0].get_array()) == pytest.approx(shares)
    figure = draw_calibration({when: each.calibration for when, each in REPORT.evaluations.items()})
    _, before, after = figure.axes[0].lines
    assert after.get_label() == "after" and before.get_label() == "before"
    assert after.get_ydata() == pytest.approx([each.accuracy for each in REPORT.after.calibration])
    assert "<img" in Picture(figure, "words")._repr_html_()


def test_operations_have_a_unit():
    assert [operations(flops) for flops in (2e5, 3.21e9, 4e12, 5e16)] == ["0.2 MFLOP", "3.21 GFLOP", "4 TFLOP", "50 PFLOP"]

"""Answers that are alike are found whatever their names and layout; those that merely solve the same task are not."""

import csv
import itertools
import json
import math
import random

import pytest
from typer.testing import CliRunner

from tests.grading.conftest import STUBS
from tests.grading.test_insights import HOSTILE, Tags
from tlkit.cli import app
from tlkit.errors import TlkitError
from tlkit.grading.cohort.answers import Answer, read_answers
from tlkit.grading.cohort.fingerprint import code_runs, text_runs
from tlkit.grading.cohort.similar import similar_page, write_similar
from tlkit.grading.cohort.similarity import compare

ORIGINAL = '''def paired_gain(transfer, scratch):
    """The gain."""
    gains = [a - b for a, b in zip(transfer, scratch)]
    centre = sum(gains) / len(gains)
    total = 0.0
    for gain in gains:
        total += (gain - centre) ** 2
    return centre, (total / (len(gains) - 1)) ** 0.5 / len(gains) ** 0.5
'''
RENAMED = '''def paired_gain(x, y):
    # my own work
    d = [p-q
         for p, q in zip(x, y)]

    m = sum(d)/len(d)
    s=0.0
    for   z in d: s += (z - m)**2
    "note"
    return m, (s/(len(d) - 1))**0.5/len(d)**0.5
'''
OTHERS = [
    "def paired_gain(transfer, scratch):\n    d = transfer - scratch\n    return d.mean(), d.std(ddof=1) / np.sqrt(len(d))",
    "def paired_gain(a, b):\n    diff = np.subtract(a, b)\n    n = diff.size\n    return float(np.mean(diff)), float(np.std(diff, ddof=1) / n ** 0.5)",
    "def paired_gain(t, s):\n    import statistics\n    g = list(t - s)\n    return statistics.mean(g), statistics.stdev(g) / math.sqrt(len(g))",
    "def paired_gain(t, s):\n    g = t - s\n    v = g.var(ddof=1)\n    if len(g) < 2:\n        return g.mean(), float('nan')\n    return g.mean(), (v / len(g)) ** .5",
    "def paired_gain(u, w):\n    return np.mean(u - w), scipy.stats.sem(u - w)",
]
CLASS = {"ann": ORIGINAL, "ben": RENAMED} | {f"other{number}": source for number, source in enumerate(OTHERS)}


def answers(sources, question="01-paired_gain", is_code=True):
    return [Answer(student, question, is_code, source) for student, source in sources.items()]


def test_names_and_layout_leave_no_trace():
    assert code_runs(ORIGINAL) == code_runs(RENAMED) != frozenset()


@pytest.mark.parametrize("change", [("sum(gains)", "max(gains)"), ("** 2", "** 3"), (" - 1", ""), ("zip(transfer", "map(transfer")])
def test_what_is_done_does(change):
    assert code_runs(ORIGINAL) != code_runs(ORIGINAL.replace(*change))


def test_attributes_and_keyword_arguments_are_not_names_of_ones_own():
    assert code_runs("y = x.mean(axis=0) + z") != code_runs("y = x.sum(axis=0) + z")
    assert code_runs("y = f(x, axis=0) + z") != code_runs("y = f(x, ddof=0) + z")
    assert code_runs("def f(a=0, b=1): return a") == code_runs("def g(c=0, d=1): return c")


def test_texts_are_compared_without_case_and_punctuation():
    assert text_runs("Was scratch tuned, as well?  If not ...") == text_runs("was SCRATCH tuned as well - if not")


@pytest.mark.parametrize("source", ["", "def f(", "'''", "(" * 60_000, "x = \x00", "\ud800 = 1", "if x:\n  a\n b", "\t\x0c", "1" * 60_000])
def test_no_source_is_too_strange(source):
    assert isinstance(code_runs(source), frozenset) and isinstance(text_runs(source), frozenset)


def test_a_copy_with_other_names_comes_first_and_stands_apart():
    found = compare(answers(CLASS))
    first, second = found.pairs[:2]
    assert {first.one, first.other} == {"ann", "ben"} and first.similarity == pytest.approx(1.0)
    assert first.evidence > 3 * second.evidence
    assert (found.learners, found.compared) == (7, 21) and found.spread[1].sum() == 21


def test_evidence_and_similarity_are_the_sums_that_the_module_says():
    found = compare(answers(CLASS), most=100)
    runs = {student: code_runs(source) for student, source in CLASS.items()}
    number = {run: sum(run in own for own in runs.values()) for own in runs.values() for run in own}

    def weight(some):
        return sum(math.log((len(runs) + 1) / number[run]) for run in some)

    for pair in found.pairs:
        a, b = runs[pair.one], runs[pair.other]
        assert (pair.evidence, pair.similarity) == pytest.approx((weight(a & b), weight(a & b) / weight(a | b)))
    sharing = sum(bool(a & b) for a, b in itertools.combinations(runs.values(), 2))
    assert len(found.pairs) == sharing


def test_what_everybody_writes_is_no_evidence():
    same = compare(answers({f"s{number}": OTHERS[0] for number in range(50)}))
    rare = compare(answers({f"s{number}": f"{OTHERS[0]}\nx = {number}" for number in range(48)} | {"s48": ORIGINAL, "s49": RENAMED}))
    assert {rare.pairs[0].one, rare.pairs[0].other} == {"s48", "s49"}
    assert rare.pairs[0].evidence > 20 * same.pairs[0].evidence


def test_questions_add_up_and_blocks_of_rows_make_no_difference(monkeypatch):
    from tlkit.grading.cohort import similarity

    both = answers(CLASS) + answers({"ann": "def f(x): return x ** 2 + 3 * x - 1", "ben": "def f(y): return y ** 2 + 3 * y - 1"}, "01-other")
    whole = compare(both)
    monkeypatch.setattr(similarity, "_BLOCK", 2)
    assert compare(both).pairs == whole.pairs
    assert set(whole.pairs[0].by_question) == {"01-paired_gain", "01-other"}
    assert whole.pairs[0].evidence == pytest.approx(sum(evidence for evidence, _ in whole.pairs[0].by_question.values()))


def test_the_order_of_submissions_makes_no_difference():
    shuffled = answers(CLASS)
    random.Random(0).shuffle(shuffled)
    assert compare(shuffled).pairs == compare(answers(CLASS)).pairs


def hand_in(root, released, student, sources):
    path = root / "submitted" / student / "01_small" / "01_small.ipynb"
    path.parent.mkdir(parents=True)
    content = json.loads((released / "01_small" / "01_small.ipynb").read_text(encoding="utf-8"))
    for cell in content["cells"]:
        cell["source"] = sources.get(cell["id"], cell["source"])
    path.write_text(json.dumps(content))
    return path


@pytest.fixture
def course(tmp_path, released):
    (tmp_path / "nbgrader_config.py").write_text("c = get_config()\nc.CourseDirectory.release_directory = 'released'\n")
    for student, source in CLASS.items():
        hand_in(tmp_path, released, student, {"01-paired_gain": source})
    return tmp_path


def test_answers_are_what_is_not_the_stub(course, released):
    hand_in(course, released, "blank", STUBS)
    hand_in(course, released, "broken", {}).write_text("{")
    found, notes = read_answers(course, "01_small", released / "01_small")
    assert {(answer.student, answer.question, answer.is_code) for answer in found} == {(name, "01-paired_gain", True) for name in CLASS}
    assert len(notes) == 1 and notes[0].startswith("broken: ") and "is not a notebook" in notes[0]


def test_another_folder_of_submissions_is_found_as_nbgrader_finds_it(course, released):
    (course / "submitted").rename(course / "inbox")
    with open(course / "nbgrader_config.py", "a") as file:
        file.write("c.CourseDirectory.submitted_directory = 'inbox'\n")
    assert len(read_answers(course, "01_small", released / "01_small")[0]) == len(CLASS)


def test_a_link_is_not_followed(course, released):
    path = hand_in(course, released, "linked", {})
    path.unlink()
    path.symlink_to(course / "submitted" / "ann" / "01_small" / "01_small.ipynb")
    found, notes = read_answers(course, "01_small", released / "01_small")
    assert "linked" not in {answer.student for answer in found} and "link" in notes[0]


def test_the_command_writes_a_page_and_a_table(course):
    result = CliRunner().invoke(app, ["similar", "01_small", "--root", str(course), "--most", "3"])
    assert result.exit_code == 0, result.output
    page = (course / "similar" / "01_small.html").read_text(encoding="utf-8")
    assert "no proof of anything" in page and "cannot be told from others" in page and "# my own work" in page
    with open(course / "similar" / "01_small.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 3 and (rows[0]["one"], rows[0]["other"]) == ("ann", "ben")


@pytest.mark.parametrize(("arguments", "passage"), [
    (["02_none"], "has no released notebook"), (["01_small"], "nobody has handed in 01_small")])
def test_what_is_missing_is_one_sentence(arguments, passage, tmp_path, released):
    (tmp_path / "nbgrader_config.py").write_text("c = get_config()\nc.CourseDirectory.release_directory = 'released'\n")
    result = CliRunner().invoke(app, ["similar", *arguments, "--root", str(tmp_path)])
    assert result.exit_code == 1 and passage in result.stderr and result.stderr.count("\n") == 1


def test_one_learner_cannot_be_compared(tmp_path, released):
    (tmp_path / "nbgrader_config.py").write_text("c = get_config()\nc.CourseDirectory.release_directory = 'released'\n")
    hand_in(tmp_path, released, "ann", {"01-paired_gain": ORIGINAL})
    with pytest.raises(TlkitError, match="answers of 1 learners"):
        write_similar(tmp_path, "01_small")


@pytest.mark.parametrize("text", HOSTILE)
def test_what_learners_wrote_stays_text(text):
    sources = {text: ORIGINAL + text, "ben": RENAMED + text, "cem": OTHERS[0]}
    both = answers(sources)
    parser = Tags()
    parser.feed(similar_page("x", compare(both), both).encode().decode())
    assert not parser.tags & {"script", "iframe", "object", "embed", "form", "link", "b"}
    assert not {name for name in parser.attributes if name.startswith("on")}

"""No attack earns more than the honest score of its code, and none harms the host, the batch or another submission."""

import contextlib
import html
import re
import socket
import threading
from pathlib import Path

import numpy as np
import psutil
import pytest

from tests.grading.classwork.attacks import KNOWN, OWN
from tests.grading.classwork.conftest import RIGHT, SEEDS, WORTH, WRONG, grade, submission, total
from tests.grading.classwork.more_attacks import MORE, table_of_shown_cases
from tlkit.grading.feedback import FeedbackExporter
from tlkit.grading.records import from_json
from tlkit.grading.trial import draw_cases

ALL = KNOWN | OWN | MORE
QUICK = ("01 always equal", "03 blanks later cells", "09 official solution", "11 writes the gradebook", "15 sends tests away",
         "17 kills the grader", "20 60 MB of output", "22 200 children", "23 skip tag", "32 script in output",
         "forged observations", "a pickle on the wire", "replies ahead of time", "records by import", "ptrace", "giant name",
         "arrays that share numbers", "a table of the shown cases", "entities in a link")


@pytest.fixture(scope="module")
def honest(parents, release) -> float:
    """What the wrong answers earn by themselves."""
    return total(grade(parents, release, submission(release, WRONG)))


@pytest.fixture(scope="module")
def listener():
    """A server on this machine that would receive what somebody sends; its port, and what came."""
    got: list[bytes] = []
    servers = [socket.create_server(("127.0.0.1", 0)), socket.socket(socket.AF_UNIX)]
    servers[1].bind(f"\0tlkit-victim-{servers[0].getsockname()[1]}")
    servers[1].listen()

    def serve(server):
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            got.append(connection.recv(1000) or b"came")
            connection.close()

    for server in servers:
        threading.Thread(target=serve, args=(server,), daemon=True).start()
    yield servers[0].getsockname()[1], got
    for server in servers:
        server.close()


@pytest.fixture
def victim(tmp_path):
    """A folder outside of every sandbox, at a place that attacks name."""
    folder = Path("/victim")
    try:
        folder.mkdir(exist_ok=True)
    except OSError:
        folder = tmp_path / "victim"
        folder.mkdir()
    yield folder
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()


def left_behind(parents) -> list[str]:
    """Processes below our warm parents that run as nobody does but their forks."""
    found = []
    for process in psutil.Process(parents._process.pid).children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if process.uids().real >= 61_000 and process.status() != psutil.STATUS_ZOMBIE:
                found.append(str(process))
    return found


@pytest.mark.parametrize("name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in ALL])
def test_no_attack_earns_more_than_its_code_deserves(name, parents, release, honest, listener, victim):
    attack = ALL[name]
    port, got = listener
    got.clear()
    answers = {name: source() if callable(source) else source for name, source in attack.answers.items()}
    content = submission(release, WRONG | answers, attack.before.replace("PORT", str(port)), attack.edit)
    marked = grade(parents, release, content)
    assert total(marked) <= honest, marked.scores
    assert marked.outcome == attack.outcome, marked.reason
    assert got == [] and list(victim.iterdir()) == []
    assert left_behind(parents) == []
    assert len(marked.notebook) < 5_000_000 + len(str(content)) and is_harmless(marked.notebook)
    record = {field: getattr(marked, field) for field in ("outcome", "reason", "release", "scores", "verdicts", "notes", "seconds",
                                                       "cell_seconds")}
    from_json({"version": 1, "student": "a", "assignment": "b", "notebook": "c", "submitted_at": "", "content_sha256": ""} | record)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202e]", "".join(marked.notes) + marked.reason
                         + "".join(score["said"] for score in marked.scores))


def is_harmless(notebook: str) -> bool:
    """Whether neither the formgrader's page nor the learner's page of a graded notebook runs a script of the submission."""
    import nbformat
    from nbconvert.exporters import HTMLExporter

    made = nbformat.reads(notebook, as_version=4)
    pages = [HTMLExporter().from_notebook_node(made)[0].split("<main", 1)[1], FeedbackExporter().from_notebook_node(made)[0].split("<main", 1)[-1]]
    tags = [html.unescape(tag) for page in pages for tag in re.findall(r"<[a-zA-Z][^>]*>", page)]
    scripts = [text for page in pages for text in re.findall(r"<script[^>]*>.*?</script>", page, re.DOTALL) if "alert(1)" in text]
    return not scripts and not [tag for tag in tags if re.search(r"\son\w+\s*=|javascript:|127\.0\.0\.1", tag)]


def test_after_all_that_an_honest_submission_keeps_every_point(parents, release):
    assert total(grade(parents, release, submission(release, RIGHT))) == WORTH


def test_hidden_cases_do_not_come_back_in_any_way(parents, release):
    """An answer keeps what it is given wherever it can, and a later cell shows it; it also speaks in its own words."""
    keep = ("import json, os\nkept = []\ndef keep(arguments):\n    kept.append(str([a.tolist() for a in arguments]))\n"
            "    for folder in ('/tmp', '.', '/dev/shm'):\n        open(f'{folder}/kept', 'a').write(kept[-1])\n"
            "    print(kept[-1])\n    raise ValueError(' '.join(kept) + open('/tmp/kept').read())\n")
    show = "print(kept, [open(f'{folder}/kept').read() for folder in ('/tmp', '.', '/dev/shm') if os.path.exists(f'{folder}/kept')])"

    def edit(content, cells):
        content["cells"].append({"cell_type": "code", "id": "last", "metadata": {}, "outputs": [], "execution_count": None, "source": show})

    answers = {"01-tuned_baseline": "def tuned_test_accuracy(*arguments):\n    keep(arguments)",
               "01-paired_gain": "def paired_gain(*arguments):\n    keep(arguments)"}
    marked = grade(parents, release, submission(release, WRONG | answers, keep, edit))
    assert not_shown(marked) == []


KEEP = "def keep(*arguments):\n    open('/tmp/kept', 'a').write(str([a.tolist() for a in arguments]))\n"
RIGHT_AND_KEPT = {"01-tuned_baseline": RIGHT["01-tuned_baseline"].replace(":\n", ":\n    keep(val_accuracy, test_accuracy)\n", 1),
                  "01-paired_gain": RIGHT["01-paired_gain"].replace(":\n", ":\n    keep(transfer, scratch)\n", 1)}
SAYS = "raise ValueError(open('/tmp/kept').read()[-480:])"
WAYS = {
    "through a test that is written out": (KEEP, {"square": f"def square(x):\n    {SAYS}"}),
    "through the quiz": (KEEP + "from tlkit.grading import answering as a\nreal = a.Answering.answer\ndef answer(self, about, numbers):\n"
                         "    if about.get('name') != 'answers': return real(self, about, numbers)\n    t = open('/tmp/kept').read()[-600:]\n"
                         "    return {'value': [t[i * 120:i * 120 + 120] for i in range(5)]}, b''\na.Answering.answer = answer", {}),
    "beside a thread": (KEEP + "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()",
                        {"01-paired_gain": f"def paired_gain(*arguments):\n    {SAYS}", "square": f"def square(x):\n    {SAYS}"}),
}


@pytest.mark.parametrize("way", WAYS)
def test_hidden_cases_do_not_come_back_by_another_answer(way, parents, release):
    """An answer that is right keeps its inputs in a file, and another one of the same notebook says what stands there."""
    before, answers = WAYS[way]
    marked = grade(parents, release, submission(release, RIGHT | RIGHT_AND_KEPT | answers, before))
    assert total(marked) < WORTH and marked.scores[0]["points"] == 2
    assert not_shown(marked) == []


def not_shown(marked) -> list[str]:
    """Numbers of hidden cases that stand somewhere in what is kept."""
    said = marked.notebook + str(marked.scores) + str(marked.notes) + str(marked.verdicts)
    names = "01.tuned_baseline", "01.paired_gain"
    hidden, shown = ({repr(float(number)) for name in names for case in draw_cases(_record(name), seeds[name])
                      for call in case.calls for array in call for number in np.ravel(array).tolist()}
                     for seeds in ({name: SEEDS[name][0] for name in names}, dict.fromkeys(names, 0)))
    long = [number for number in hidden - shown if len(number) > 5]
    assert len(long) > 20
    return [number for number in long if number in said]


def _record(name):
    from tlkit.exercises import find_exercise

    return find_exercise(name)


def test_a_table_of_the_shown_cases_would_earn_points_where_nothing_is_hidden(parents, release):
    answers = {"01-paired_gain": table_of_shown_cases()}
    with_table = total(grade(parents, release, submission(release, WRONG | answers), seeds={}))
    assert with_table > total(grade(parents, release, submission(release, WRONG), seeds={}))


def test_two_submissions_at_a_time_do_not_see_each_other(parents):
    from tlkit.grading.kernel import Limits

    limits = Limits(cell_seconds=10)
    with parents.learners_kernel() as one, parents.learners_kernel() as other:
        one.run("import socket, threading, os\ns = socket.create_server(('127.0.0.1', 5000))\nu = socket.socket(socket.AF_UNIX)\nu.bind('\\0meet')\n"
                "u.listen()\nterminal = os.openpty()\nopen('/tmp/meet', 'w').close()\nopen('/dev/shm/meet', 'w').close()", limits)
        run = other.run("import os, socket\nfound = [os.path.exists('/tmp/meet'), os.path.exists('/dev/shm/meet')]\n"
                        "for family, where in ((socket.AF_INET, ('127.0.0.1', 5000)), (socket.AF_UNIX, '\\0meet')):\n    try:\n"
                        "        socket.socket(family).connect(where); found.append(True)\n    except OSError: found.append(False)\n"
                        "print(found, sorted(p for p in os.listdir('/proc') if p.isdigit()), os.listdir('/dev/pts'))", limits)
        there = one.run("print(sorted(os.listdir('/dev/pts')))", limits)
    assert run.outputs[0].text == "[False, False, False, False] ['1', '2'] ['ptmx']\n", run
    assert there.outputs[0].text == "['0', 'ptmx']\n", there


def test_a_kernel_inherits_no_descriptor_but_its_connection(parents):
    from tlkit.grading.kernel import Limits

    with parents.learners_kernel() as kernel:
        run = kernel.run("import os\nprint(sorted(os.readlink(f'/proc/self/fd/{n}').split(':')[0] for n in os.listdir('/proc/self/fd')"
                         " if os.path.lexists(f'/proc/self/fd/{n}')))", Limits())
    kinds = eval(run.outputs[0].text)
    assert kinds.count("socket") == 1 and set(kinds) <= {"socket", "/dev/null"}, kinds


def test_each_attack_has_its_line_in_the_documents():
    text = (Path(__file__).parents[3] / "docs" / "security.md").read_text(encoding="utf-8")
    assert [name for name in ALL if f"| {name} |" not in text] == []
    assert len(KNOWN) == 33 and len(OWN) >= 30  # number 31, a link, is tried where files are handed in

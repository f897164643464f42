"""Answers in one kernel, checks in another: honest work keeps its points, and what crosses is plain data."""

import pytest

from tests.grading.classwork.conftest import POINTS, RIGHT, STUBS, WORTH, WRONG, grade, points_of, submission, total
from tlkit.grading.kernel import Limits
from tlkit.grading.sandbox.allowance import Allowance


def test_right_answers_keep_every_point(parents, release):
    marked = grade(parents, release, submission(release, RIGHT))
    assert points_of(marked) == POINTS and marked.notes == [] and marked.outcome == "graded"


def test_untouched_stubs_earn_nothing(parents, release):
    marked = grade(parents, release, submission(release, {}))
    assert total(marked) == 0 and {verdict["outcome"] for verdict in marked.verdicts} == {"not attempted"}
    assert set(marked.unanswered) == {*STUBS, "01-explain"}


def test_wrong_answers_earn_what_they_deserve_and_are_diagnosed(parents, release):
    marked = grade(parents, release, submission(release, RIGHT | {"01-tuned_baseline": WRONG["01-tuned_baseline"]}))
    verdict = next(v for v in marked.verdicts if v["exercise_id"] == "01.tuned_baseline")
    assert verdict["diagnosis"] and verdict["outcome"] == "not yet"
    assert total(marked) == WORTH - 2 + points_of(marked)["01-tuned_baseline-check"] < WORTH


def test_a_learners_own_cells_run_in_their_order(parents, release):
    answers = RIGHT | {"square": "def square(x):\n    return own_power(x, 2)"}
    marked = grade(parents, release, submission(release, answers, "def own_power(x, n):\n    return x ** n"))
    assert total(marked) == WORTH


def test_a_cell_that_kills_the_kernel_costs_only_itself(parents, release):
    marked = grade(parents, release, submission(release, RIGHT | {"01-paired_gain": "import os; os._exit(0)"}))
    assert total(marked) == WORTH - 2 and any("the kernel died" in note for note in marked.notes)


def test_an_answer_that_kills_its_process_costs_only_its_check(parents, release):
    answers = RIGHT | {"01-paired_gain": "import os, signal\ndef paired_gain(t, s):\n    os.kill(os.getpid(), 9)"}
    marked = grade(parents, release, submission(release, answers))
    assert total(marked) == WORTH - 2 and any("the process ended" in note for note in marked.notes)


def test_what_one_submission_leaves_does_not_reach_the_next(parents, release):
    leave = ("import builtins, math, os, random, sys, tempfile, threading\nimport numpy as np\n"
             "builtins.LEFT = math.LEFT = np.LEFT = 1\nos.environ['LEFT'] = '1'\nrandom.seed(0)\nnp.random.seed(0)\n"
             "sys.modules['left'] = math\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\n"
             "import tlkit.grading.compare as compare\ncompare.first_difference = lambda *a: None\n"
             "for folder in ('/tmp', '.', '/dev/shm', '/home/learner', '/dev', '/home', '/'):\n"
             "    try: open(f'{folder}/left', 'w').write('x')\n    except OSError: pass\n")
    look = ("import builtins, math, os, random, sys, threading\nimport numpy as np\n"
            "found = [hasattr(builtins, 'LEFT'), hasattr(math, 'LEFT'), hasattr(np, 'LEFT'), 'LEFT' in os.environ,\n"
            "         'left' in sys.modules, threading.active_count() > 1, random.random() == random.Random(0).random(),\n"
            "         np.random.random() == np.random.RandomState(0).random_sample(),\n"
            "         any(os.path.exists(f'{f}/left') for f in ('/tmp', '.', '/dev/shm', '/home/learner', '/dev', '/home', '/'))]\n"
            "assert not any(found), found\n")
    grade(parents, release, submission(release, RIGHT, leave))
    marked = grade(parents, release, submission(release, RIGHT, look))
    assert total(marked) == WORTH and "AssertionError" not in marked.notebook


def test_what_the_release_sets_up_between_two_checks_is_there_for_the_second(parents, release, tmp_path):
    import nbformat

    notebook = nbformat.read(release, as_version=4)
    place = next(index for index, cell in enumerate(notebook.cells) if cell.id == "square-more")
    helper = nbformat.v4.new_code_cell("def is_near(a, b):\n    return abs(a - b) < 1e-9", id="helper")
    helper.metadata["nbgrader"] = dict(notebook.cells[place].metadata["nbgrader"]) | {"grade": False, "grade_id": "helper"}
    notebook.cells[place].source = "assert is_near(square(3), 9)"
    notebook.cells.insert(place, helper)
    path = tmp_path / "01_small.ipynb"
    path.write_text(nbformat.writes(notebook))
    assert total(grade(parents, path, submission(path, RIGHT))) == WORTH


def test_modules_beside_the_released_notebook_can_be_imported_on_both_sides(parents, release):
    marked = grade(parents, release, submission(release, RIGHT | {"square": "from helper import power\ndef square(x):\n    return power(x)"}),
                   files={"helper.py": b"def power(x):\n    return x * x\n"}, tests={"square-shown": "from helper import power\nassert power(3) == 9"})
    assert total(marked) == WORTH


def test_a_learners_kernel_has_its_limits_and_reaches_nothing_of_the_machines(parents):
    allowance, limits = Allowance(cpu_seconds=77, file_bytes=5 << 20), Limits(cell_seconds=20)
    with parents.learners_kernel(allowance) as kernel:
        def said(source):
            return "".join(output.get("text", output.get("ename", "")) for output in kernel.run(source, limits).outputs).strip()
        assert said("import resource as r; print(r.getrlimit(r.RLIMIT_CPU)[1], r.getrlimit(r.RLIMIT_FSIZE)[1], r.getrlimit(r.RLIMIT_CORE)[1])") == (
            f"77 {5 << 20} 0")
        assert said("print(r.getrlimit(r.RLIMIT_AS)[1] > 0, r.getrlimit(r.RLIMIT_NOFILE)[1])") == "True 256"
        assert said("open('big', 'wb').truncate(6 << 20)") == "OSError"
        assert said("import os; print(os.path.exists('/sys'), os.path.exists('/root/.ssh'), os.listdir('.'))") == "False False ['big']"
        assert said("open('/proc/sys/kernel/hostname', 'w').write('x')") in ("OSError", "PermissionError")


VALUES = {"np.float64(0.5)": 0.5, "torch.tensor(0.5)": 0.5, "True": 2, "False": 0, "None": 2, "float('nan')": 0, "7": 2, "-1": 0,
          "(0.5, 'half of it')": 0.5, "'a text'": 2, "np.array([1, 2])": 2, "np.bool_(False)": 0, "1": 1}


def test_points_are_what_a_graded_cell_ends_in_however_it_is_written(parents, release, tmp_path):
    import nbformat

    notebook = nbformat.read(release, as_version=4)
    for number, value in enumerate(VALUES):
        cell = next(cell for cell in notebook.cells if cell.id == "square-more").copy()
        cell = nbformat.from_dict(cell | {"id": f"value-{number}"})
        cell.metadata = nbformat.from_dict({"nbgrader": dict(cell.metadata.nbgrader) | {"grade_id": f"value-{number}"}})
        cell.source = (f"import sys, warnings, numpy as np, torch\nfrom tqdm import tqdm\nwarnings.warn('careful')\n"
                       f"print('noise', file=sys.stderr)\nfor _ in tqdm(range(3)): pass\ndisplay('a message')\n{value}")
        notebook.cells.append(cell)
    path = tmp_path / "01_small.ipynb"
    path.write_text(nbformat.writes(notebook))
    marked = grade(parents, path, submission(path, RIGHT))
    found = points_of(marked)
    assert {value: found[f"value-{number}"] for number, value in enumerate(VALUES)} == VALUES
    from nbgrader.utils import determine_grade

    graded = nbformat.reads(marked.notebook, as_version=4)
    by_id = {cell.metadata.nbgrader.grade_id: cell for cell in graded.cells if cell.metadata.get("nbgrader")}
    assert {name: determine_grade(by_id[name])[0] for name in found} == pytest.approx(found)
    assert "a message" in str(by_id["value-0"].outputs)


def test_a_kernel_with_threads_is_asked_as_it_is_and_what_it_shows_afterwards_is_left_out(parents, release):
    """A fork would lose the threads; hidden cases have then been seen before the last cell has run."""
    def show_something_later(content, cells):
        cells["square"]["source"] = RIGHT["square"] + "\nprint('said ' + 'later')"

    before = "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\nprint('said ' + 'before')"
    marked = grade(parents, release, submission(release, RIGHT, before, show_something_later))
    assert total(marked) == WORTH
    assert "said before" in marked.notebook and "said later" not in marked.notebook and "is left out" in marked.notebook
    assert "said later" in grade(parents, release, submission(release, RIGHT, before, show_something_later), seeds={}).notebook

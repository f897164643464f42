"""`check` in a real kernel, as a notebook runs it: cards, limits, and a kernel that lives on."""

import nbclient
import nbformat
import pytest

CELLS = {
    "set-up": "import numpy as np\nfrom tlkit import check",
    "absent": "check('01.paired_gain')",
    "wrong": "def paired_gain(transfer, scratch):\n    display('shown inside')\n    print('x' * 10**6)\n"
             "    return transfer.mean() - scratch.mean(), 0.1\ncheck('01.paired_gain')",
    "again": "check('01.paired_gain')",
    "hangs": "import tlkit.grading.subject as subject\nimport functools\n"
             "subject.LocalSubject.__init__.__defaults__ = (None, 0.5, None, True)\n"
             "def paired_gain(transfer, scratch):\n    while True: pass\ncheck('01.paired_gain')",
    "shadowed": "def paired_gain(transfer, scratch):\n    return np.mean(transfer - scratch), 0.1\nnp = 3\ncheck('01.paired_gain')",
    "lives": "import numpy as np\ndef paired_gain(transfer, scratch):\n    d = transfer - scratch\n"
             "    return d.mean(), d.std(ddof=1) / len(d) ** 0.5\ncheck('01.paired_gain')",
    "a class": "class paired_gain:\n    def __init__(self, a, b):\n        ...\ncheck('01.paired_gain')",
    "redefined": "check = None",
    "imported again": "from tlkit import check\ncheck('01.paired_gain')",
}


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    """What every cell shows: (HTML of its cards, everything as text)."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in CELLS.values()])
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3",
                            resources={"metadata": {"path": str(tmp_path_factory.mktemp("kernel"))}}).execute()
    shown = {}
    for name, cell in zip(CELLS, notebook.cells):
        html = [output["data"].get("text/html", "") for output in cell.outputs if output.output_type == "display_data"]
        shown[name] = "".join(html), str(cell.outputs)
    return shown


def test_a_name_that_is_not_there_says_which_cell_to_run(outputs):
    assert "not attempted" in outputs["absent"][0] and "is not defined" in outputs["absent"][0]


def test_a_card_shows_the_verdict_and_nothing_of_what_the_answer_printed_or_displayed(outputs):
    html, everything = outputs["wrong"]
    assert "not yet" in html and 'class="tlkit-card"' in html
    assert "shown inside" not in everything and "xxxx" not in everything and "stream" not in everything


def test_the_hint_is_folded_and_comes_with_the_second_try(outputs):
    assert "<details" not in outputs["wrong"][0] and "Try once more" in outputs["wrong"][0]
    assert "<details" in outputs["again"][0] and "<details open" not in outputs["again"][0]


def test_an_answer_that_hangs_is_stopped_in_the_kernel_and_the_kernel_lives(outputs):
    assert "stopped: it had not finished after 0.5 s" in outputs["hangs"][0]
    assert "right, 2 of 2 points" in outputs["lives"][0]


def test_a_shadowed_module_is_named(outputs):
    assert "is no longer the module numpy" in outputs["shadowed"][0]


def test_a_stub_of_a_class_is_found_in_a_notebook(outputs):
    assert "not attempted" in outputs["a class"][0]


def test_check_can_be_imported_again(outputs):
    assert "not attempted" in outputs["imported again"][0]


def test_what_the_kernel_itself_replaces_is_not_held_against_anybody(outputs):
    assert "was replaced" not in outputs["again"][1] + outputs["lives"][1]

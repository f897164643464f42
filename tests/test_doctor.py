import json
import subprocess
import sys
from pathlib import Path

import pytest

from tlkit import doctor, machine
from tlkit.doctor import Finding
from tlkit.machine import Memory


def test_this_environment_is_in_order(capsys):
    assert doctor.main() == 0
    out = capsys.readouterr().out
    assert "Everything that the course needs is in order." in out
    assert all(topic in out for topic in doctor.EXAMINATIONS)
    assert len(out.splitlines()) <= 24, "one screen"


def test_json_holds_the_same_findings(capsys):
    assert doctor.main(as_json=True) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["ok"] and [row["topic"] for row in report["findings"]] == list(doctor.EXAMINATIONS)


def test_an_examination_that_fails_does_not_stop_the_others(monkeypatch, capsys):
    def broken(topic):
        raise ImportError("libnothing.so:\ncannot open")

    monkeypatch.setitem(doctor.EXAMINATIONS, "GPU", broken)
    assert doctor.main() == 1
    out = capsys.readouterr().out
    assert "ImportError: libnothing.so: cannot open" in out and "Memory" in out and "1 to mend" in out


def test_a_missing_and_an_old_package_are_named(monkeypatch):
    asked = ["numpy>=2000", "nothing-of-this-name>=1", "wheel>=1 ; extra == 'other'", "jupytext>=1 ; extra == 'lab'"]
    monkeypatch.setattr(doctor.importlib.metadata, "requires", lambda name: asked)
    finding = doctor.packages("Packages")
    assert finding.state == "bad" and "make env" in finding.remedy
    assert "nothing-of-this-name is missing" in finding.found and "(asked for: >=2000)" in finding.found
    assert "wheel" not in finding.found and "jupytext" not in finding.found


def test_weights_that_are_not_their_cards_are_bad(monkeypatch, tmp_path):
    folder = tmp_path / "backbones" / "weights"
    folder.mkdir(parents=True)
    monkeypatch.setattr(doctor, "__file__", str(tmp_path / "doctor.py"))
    assert doctor.weights("Weights").state == "bad"
    (folder / "glyphnet.safetensors").write_bytes(b"other")
    (folder / "glyphnet.json").write_text('{"sha256": "0"}')
    assert "not what its model card describes" in doctor.weights("Weights").found


def test_a_kernel_of_another_environment_is_bad(monkeypatch):
    from jupyter_client.kernelspec import KernelSpec, KernelSpecManager, NoSuchKernel

    monkeypatch.setattr(KernelSpecManager, "get_kernel_spec", lambda self, name: KernelSpec(argv=["/else/bin/python"]))
    finding = doctor.kernel("Kernel")
    assert finding.state == "bad" and "/else/bin/python" in finding.found and "ipykernel install" in finding.remedy

    def none(self, name):
        raise NoSuchKernel(name)

    monkeypatch.setattr(KernelSpecManager, "get_kernel_spec", none)
    assert doctor.kernel("Kernel").state == "bad"


def test_an_extension_that_is_turned_off_is_bad(monkeypatch, tmp_path):
    (tmp_path / "labconfig").mkdir()
    (tmp_path / "labconfig" / "page_config.json").write_text('{"disabledExtensions": {"@jupyter/nbgrader": true}}')
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", str(tmp_path))
    finding = doctor.nbgrader("nbgrader")
    assert finding.state == "bad" and finding.remedy == "jupyter labextension enable @jupyter/nbgrader"


def test_a_plugin_that_learners_need_not_may_be_off(monkeypatch, tmp_path):
    page = tmp_path / "labconfig" / "page_config.json"
    page.parent.mkdir()
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", str(tmp_path))
    page.write_text('{"disabledExtensions": {"@jupyter/nbgrader:create-assignment": true}}')
    assert doctor.nbgrader("nbgrader").state == "good"
    page.write_text('{"disabledExtensions": {"@jupyter/nbgrader:validate-assignment": true}}')
    assert doctor.nbgrader("nbgrader").state == "bad"


def test_the_lab_that_the_course_opens_is_in_order(monkeypatch):
    from tlkit.course.lab import lab_environment

    monkeypatch.setenv("JUPYTER_CONFIG_PATH", lab_environment()["JUPYTER_CONFIG_PATH"])
    assert doctor.main() == 0


def test_findings_are_shown_as_they_come(monkeypatch, capsys):
    shown = []

    def second(topic):
        shown.append(capsys.readouterr().out)
        return Finding(topic, "good", "two")

    monkeypatch.setattr(doctor, "EXAMINATIONS", {"A": lambda topic: Finding(topic, "good", "one"), "B": second})
    doctor.main()
    assert "one" in shown[0]


@pytest.mark.parametrize("state, code", [("good", 0), ("note", 0), ("bad", 1)])
def test_only_what_is_bad_fails(monkeypatch, capsys, state, code):
    monkeypatch.setattr(doctor, "EXAMINATIONS", {"A": lambda topic: Finding(topic, state, "something", "do this")})
    assert doctor.main() == code
    assert "-> do this" in capsys.readouterr().out


def test_little_memory_and_a_full_disk_are_notes(monkeypatch):
    monkeypatch.setattr(machine, "memory", lambda: Memory(2**30, 2**30, False))
    monkeypatch.setattr(doctor, "_MIN_DISK", 2**80)
    assert doctor.memory("Memory").state == "note" and doctor.disk("Disk").state == "note"


def test_a_disk_on_which_nothing_can_be_saved_is_bad(monkeypatch):
    monkeypatch.setattr(doctor, "_FULL_DISK", 2**80)
    assert "JupyterLab cannot save your work" in doctor.disk("Disk").remedy and doctor.disk("Disk").state == "bad"


def test_a_kernel_that_was_ended_for_memory_is_explained_with_the_limit(monkeypatch):
    monkeypatch.setattr(machine, "memory", lambda: Memory(2 << 30, 1 << 30, True, kills=2))
    finding = doctor.memory("Memory")
    assert finding.state == "note" and "2.0 GiB, the limit of this container; a program that went beyond it was ended, 2 times" in finding.found


def test_a_second_kernel_counts_where_it_leaves_too_little(monkeypatch):
    monkeypatch.setattr(machine, "other_kernels", lambda: [900 << 20])
    monkeypatch.setattr(machine, "memory", lambda: Memory(2 << 30, 1 << 30, True))
    finding = doctor.memory("Memory")
    assert "1.0 are free; 1 other kernel holds 0.9" in finding.found and finding.remedy.startswith("shut down kernels that you do not need")
    monkeypatch.setattr(machine, "memory", lambda: Memory(8 << 30, 6 << 30, False))
    assert doctor.memory("Memory").state == "good"


def test_a_unit_begins_with_a_line_for_what_is_in_the_way_and_silent_else(monkeypatch, capsys):
    monkeypatch.setattr(machine, "memory", lambda: Memory(8 << 30, 6 << 30, False))
    doctor.at_the_start()
    assert capsys.readouterr().out == ""
    monkeypatch.setattr(machine, "memory", lambda: Memory(2 << 30, 1 << 30, True, kills=1))
    monkeypatch.setattr(doctor, "_FULL_DISK", 2**80)
    monkeypatch.setattr("tlkit.course.workspace.work_folder", lambda: Path("/proc/nowhere/work"))
    doctor.at_the_start()
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == ["Your copies", "Disk", "Memory"] and all(" -> " in line for line in lines)


def test_on_colab_what_only_jupyterlab_needs_is_not_looked_at(monkeypatch):
    monkeypatch.setitem(sys.modules, "google.colab", object())
    monkeypatch.setattr(doctor, "EXAMINATIONS", {"nbgrader": lambda topic: Finding(topic, "bad", "missing"),
                                                 "Data": lambda topic: Finding(topic, "good", "there")})
    assert [(finding.topic, finding.state) for finding in doctor.examine()] == [("nbgrader", "note"), ("Data", "good")]


def test_another_python_is_told_what_is_needed(tmp_path):
    text = (Path(doctor.__file__).parent / "__init__.py").read_text(encoding="utf-8")
    script = f"import sys; sys.version_info = (3, 10, 4); sys.version = '3.10.4 (main)'; exec({text!r})"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert f"tlkit needs Python 3.11 or newer, and {sys.executable} is 3.10.4; choose another kernel" in done.stderr.splitlines()[-1]

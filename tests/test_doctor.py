import json

import pytest

from tlkit import doctor
from tlkit.doctor import Finding


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
    monkeypatch.setattr(doctor, "_memory", lambda: 2.0**30)
    monkeypatch.setattr(doctor, "_MIN_DISK", 2**80)
    assert doctor.memory("Memory").state == "note" and doctor.disk("Disk").state == "note"

"""binder/: what repo2docker makes of it, and that the course runs in that with 1 CPU, 2 GB and no network."""

import importlib.metadata
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from docker.utils.build import exclude_paths
from packaging.requirements import Requirement
from repo2docker.utils import is_local_pip_requirement

from benchmarks.binder import tried
from benchmarks.binder_image import PROJECT, build, checked_out, dockerfile, instructions
from tests.grading.classwork.conftest import needs_sandbox
from tlkit.course.image import prepare
from tlkit.course.leaks import answers_of, leaks
from tlkit.course.units import units

BINDER = PROJECT / "binder"
NOTEBOOKS = {notebook.stem for unit in units() for notebook in unit.notebooks}
MACHINE = {"python_full_version": "3.11.9", "python_version": "3.11", "sys_platform": "linux", "platform_system": "Linux",
           "os_name": "posix", "platform_machine": "x86_64", "implementation_name": "cpython",
           "platform_python_implementation": "CPython"}


def pins(path: Path) -> dict[str, str]:
    """Package -> version that a file of pins asks for on Binder's machine."""
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip() and line[0] not in "#-"]
    wanted = [Requirement(line) for line in lines]
    return {one.name: str(one.specifier).removeprefix("==") for one in wanted if not one.marker or one.marker.evaluate(MACHINE)}


def needed(name: str, extras: frozenset[str], seen: set[tuple[str, str]]) -> set[str]:
    """All packages that one asks for on Binder's machine, by what is installed here."""
    found = set()
    for text in importlib.metadata.requires(name) or []:
        one = Requirement(text)
        if one.marker and not any(one.marker.evaluate(MACHINE | {"extra": extra}) for extra in extras | {""}):
            continue
        wanted = one.name.lower().replace("_", "-").replace(".", "-")
        found.add(wanted)
        if (wanted, text) not in seen and wanted != "tlkit":
            seen.add((wanted, text))
            found |= needed(wanted, frozenset(one.extras), seen)
    return found


def test_what_is_pinned_for_binder_is_the_lock_with_the_cpu_build_of_torch():
    lock, binder = pins(PROJECT / "requirements.lock"), pins(BINDER / "requirements.txt")
    assert {name: version.removesuffix("+cpu") for name, version in binder.items()} == {name: lock.get(name) for name in binder}
    assert {name for name, version in binder.items() if version.endswith("+cpu")} == {"torch", "torchvision"}


def test_all_that_the_course_needs_is_pinned_for_binder_and_no_gpu_library():
    binder = set(pins(BINDER / "requirements.txt"))
    due = needed("tlkit", frozenset({"lab"}), set()) - {"tlkit"}
    heavy = {name for name in due if name.startswith(("cuda", "nvidia", "triton"))}
    assert due - heavy - binder == set(), "run `make binder`"
    assert not {name for name in binder if name.startswith(("cuda", "nvidia", "triton", "pytest", "playwright"))}


def test_binder_holds_what_repo2docker_reads_and_nothing_else():
    assert {path.name for path in BINDER.iterdir()} == {".dockerignore", "postBuild", "requirements.txt", "runtime.txt", "start"}
    assert all(os.access(BINDER / name, os.X_OK) for name in ("postBuild", "start"))


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return checked_out(tmp_path_factory.mktemp("source"))


def test_packages_are_installed_before_the_repository_comes_in_so_that_their_layer_is_kept(source):
    assert not any(map(is_local_pip_requirement, (BINDER / "requirements.txt").read_text().splitlines()))
    steps = [f"{word} {rest}" for word, rest in instructions(dockerfile(source))]
    order = [next(i for i, step in enumerate(steps) if words in step) for words in
             ("pip install --no-cache-dir -r", " src/ ", "./binder/postBuild", "R2D_ENTRYPOINT")]
    assert order == sorted(order)
    assert not any("pip install --no-cache-dir ." in step for step in steps)
    assert any("python-2d3-2e11" in step or "py-2d3-2e11" in step for step in steps)  # runtime.txt is heard


def test_answers_and_their_history_never_get_into_the_image(source):
    ignored = [line for line in (BINDER / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]
    inside = exclude_paths(str(source), ignored)
    assert {"course", "tlkit", "pyproject.toml", "README.md", "LICENSE"} <= inside
    assert not [name for name in inside if name.startswith(("solutions", ".git", "tests", "benchmarks")) and name != ".gitignore"]


def started(folder: Path, files: dict[str, str], **variables: str) -> dict[str, str]:
    """What a program finds in its environment that binder/start starts, where control groups look like this."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "TOKENIZERS_PARALLELISM")
    bare = {name: value for name, value in os.environ.items() if name not in names}
    done = subprocess.run([str(BINDER / "start"), "sh", "-c", "env; echo cmdline=$(tr '\\0' ' ' < /proc/$$/cmdline)"], check=True,
                          capture_output=True, text=True, env=bare | {"TLKIT_CGROUPS": str(folder)} | variables)
    assert done.stderr == ""
    return dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)


@pytest.mark.parametrize("files", [
    {"cpu.max": "100000 100000\n"},
    {"cpu.max": "50000 100000\n"},
    {"cpu/cpu.cfs_quota_us": "100000\n", "cpu/cpu.cfs_period_us": "100000\n"},
    {"cpu,cpuacct/cpu.cfs_quota_us": "20000\n", "cpu,cpuacct/cpu.cfs_period_us": "100000\n"},
], ids=["v2, one CPU", "v2, half a CPU", "v1, one CPU", "v1, a fifth"])
def test_a_container_of_one_cpu_starts_one_thread(tmp_path, files):
    found = started(tmp_path, files)
    assert [found[name] for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")] == ["1"] * 4


@pytest.mark.parametrize("files", [{}, {"cpu.max": "max 100000\n"}, {"cpu.max": "nonsense\n"}, {"cpu.max": ""},
                                   {"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}])
def test_without_a_limit_nothing_is_set(tmp_path, files):
    assert "OMP_NUM_THREADS" not in started(tmp_path, files)


def test_never_more_threads_than_there_are_cpus_and_what_is_set_stays(tmp_path):
    found = started(tmp_path, {"cpu.max": "100000000 100000\n"}, MKL_NUM_THREADS="7")
    assert 1 <= int(found["OMP_NUM_THREADS"]) <= os.cpu_count() and found["MKL_NUM_THREADS"] == "7"


def test_start_becomes_the_program_so_that_signals_reach_it(tmp_path):
    assert started(tmp_path, {})["cmdline"].startswith("sh -c env")
    assert 'exec "$@"' in (BINDER / "start").read_text().splitlines()[-1]


def test_postbuild_deletes_nothing_where_repo2docker_did_not_start_it(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    bare = {name: value for name, value in os.environ.items() if name != "REPO_DIR"}
    done = subprocess.run([str(BINDER / "postBuild")], cwd=tmp_path, env=bare, capture_output=True, text=True)
    assert done.returncode != 0 and "REPO_DIR: is not set" in done.stderr
    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_an_image_opens_unit_00_among_the_learners_copies_and_keeps_other_settings(tmp_path):
    settings = tmp_path / "etc"
    (settings / "labconfig").mkdir(parents=True)
    (settings / "labconfig" / "page_config.json").write_text('{"disabledExtensions": {"theirs": true}, "other": 1}')
    prepare(tmp_path, settings)
    mine = tmp_path / "work" / "00_start_here" / "00_start_here.ipynb"
    mine.write_text("my answers")
    prepare(tmp_path, settings)
    assert mine.read_text() == "my answers"
    assert {path.stem for path in (tmp_path / "work").glob("*/*.ipynb")} == NOTEBOOKS
    lab = json.loads((settings / "jupyter_lab_config.json").read_text())["LabApp"]
    assert lab["default_url"] == "/lab/tree/work/00_start_here/00_start_here.ipynb" and lab["news_url"] is None
    page = json.loads((settings / "labconfig" / "page_config.json").read_text())
    assert page["other"] == 1 and page["disabledExtensions"]["theirs"] and len(page["disabledExtensions"]) > 1


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    needs_sandbox()
    folder = tmp_path_factory.mktemp("image")
    built = build(folder)
    print(f"torch from {built.torch}")
    yield built
    shutil.rmtree(folder, ignore_errors=True)  # gigabytes


@pytest.fixture(scope="module")
def seen(image):
    found = tried(image)
    print(f"limited by {found['limits_by']}")
    return found


@pytest.mark.image
def test_the_home_of_a_learner_holds_copies_of_the_units_and_no_answer(image):
    visible = {path.name for path in image.home.iterdir() if not path.name.startswith(".")}
    assert visible == {"binder", "work", "LICENSE", "LICENSE-CC-BY-4.0"}
    assert leaks(PROJECT, image.home / "work") == [] and leaks(PROJECT, image.home) == []
    assert {path.stem for path in (image.home / "work").glob("*/*.ipynb")} == NOTEBOOKS
    tellings = {"\n".join(answer) for folder in (PROJECT / "solutions").glob("[0-9]*") for answer in answers_of(folder) if len(answer) > 3}
    for path in image.home.rglob("*"):
        if path.is_file() and path.suffix in (".py", ".txt", ".ipynb", ".md", ""):
            text = "\n".join(line.strip() for line in path.read_text(encoding="utf-8", errors="replace").splitlines())
            assert not [answer for answer in tellings if answer in text], path


@pytest.mark.image
def test_it_starts_without_a_network_and_the_first_page_is_unit_00(seen):
    assert not seen["network"]["reached"]
    page = seen["first page"]
    assert page["is_lab"] and "/lab/tree/work/00_start_here/00_start_here.ipynb" in page["address"]


@pytest.mark.image
def test_every_unit_runs_from_top_to_bottom_on_one_cpu(seen):
    assert set(seen["units"]) == NOTEBOOKS
    assert {name: unit["faults"] for name, unit in seen["units"].items() if unit["faults"]} == {}
    assert {unit["callback_failures"] for unit in seen["units"].values()} == {0}
    assert {unit["threads"] for unit in seen["units"].values()} <= {0, 1}  # 0: torch was not needed


@pytest.mark.image
def test_every_unit_stays_within_two_gigabytes_server_included(seen):
    assert {name: unit["together_mb"] for name, unit in seen["units"].items() if not 0 < unit["together_mb"] <= 2147} == {}
    assert not seen["killed_for_memory"]


@pytest.mark.image
def test_the_learners_commands_work_there(seen):
    assert {name: (facts["returncode"], facts["error"]) for name, facts in seen["commands"].items() if facts["returncode"]} == {}
    assert json.loads(seen["commands"]["doctor"]["out"])["ok"]


@pytest.mark.image
def test_a_kernel_that_went_beyond_the_memory_is_explained_afterwards(seen):
    (memory,) = [row for row in json.loads(seen["commands"]["doctor"]["out"])["findings"] if row["topic"] == "Memory"]
    assert "2.0 GiB, the limit of this container" in memory["found"]
    if seen["limits_by"].startswith("cgroup"):
        assert seen["beyond"]["errors"] == ["the kernel died"]
        assert "was ended, 1 time so far, which is how a kernel dies" in memory["found"] and "shut down kernels" in memory["remedy"]
    else:
        assert "MemoryError" in seen["beyond"]["errors"][0]

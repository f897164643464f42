import errno
import hashlib
import os
import shutil
import subprocess
import sys
import threading

import numpy as np
import pytest

import tlkit
from tests.data.server import serving
from tlkit.data import downloads, medmnist, published_texts, spoken_digits
from tlkit.data.downloads import RemoteFile, fetch, find_or_fetch
from tlkit.errors import TlkitError

CONTENT = np.random.default_rng(0).bytes(200_000)
SHA = "sha256:" + hashlib.sha256(CONTENT).hexdigest()
MD5 = "md5:" + hashlib.md5(CONTENT).hexdigest()


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serving(CONTENT) as running:
        yield running


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TLKIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("TLKIT_DATA", raising=False)
    return tmp_path / "cache"


def visible(folder):
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


@pytest.mark.parametrize("expected", [SHA, MD5, SHA[:15], None])
def test_a_file_is_fetched_once_and_then_found(server, cache, expected):
    path = fetch(server.url, cache / "sub" / "data.bin", expected)
    assert path.read_bytes() == CONTENT
    assert fetch(server.url, path, expected) == path and len(server.asked) == 1
    assert visible(path.parent) == ["data.bin"]


FAULTS = {
    "cut": r"the connection broke off( after 100,000 of 200,000 bytes)?",
    "cut without length": r"its sha256 is .* and not .* \(100,000 bytes\)",
    "other bytes": r"its sha256 is .* and not .* \(26 bytes\)",
    "one bit": r"its sha256 is .* and not .* \(200,000 bytes\)",
    "longer": r"\(200,004 bytes\)",
    "empty": r"\(0 bytes\)",
    "404": "the server answered 404 Not Found",
    "403": "the server answered 403",
    "500": "the server answered 500",
    "503": "the server answered 503",
    "nothing": "the server did not answer in time",
    "stall": "the server did not answer in time|the connection broke off|there is no connection",
    "hang up": "there is no connection to the server",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_gives_one_clear_error_and_no_half_file_and_the_next_call_recovers(fault, server, cache):
    server.behaviours = [fault]
    with pytest.raises(TlkitError, match=FAULTS[fault]) as error:
        fetch(server.url, cache / "data.bin", SHA, timeout=(1, 0.5))
    message = str(error.value)
    assert "data.bin" in message and server.url in message and "nothing was kept" in message and "\n" not in message
    assert visible(cache) == []
    assert fetch(server.url, cache / "data.bin", SHA).read_bytes() == CONTENT


def test_redirects_are_followed_but_not_without_end(server, cache):
    server.behaviours = ["redirect"]
    assert fetch(server.url, cache / "data.bin", SHA).read_bytes() == CONTENT
    server.behaviours = ["redirect"] * 60
    with pytest.raises(TlkitError, match="from one address to the next without an end"):
        fetch(server.url, cache / "other.bin", SHA)


def test_no_server_at_all(cache):
    with pytest.raises(TlkitError, match="there is no connection to the server; nothing was kept"):
        fetch("http://127.0.0.1:9/data.bin", cache / "data.bin", SHA, timeout=(1, 1))


def test_a_damaged_or_half_file_in_the_cache_is_fetched_again(server, cache):
    cache.mkdir()
    (cache / "data.bin").write_bytes(CONTENT[:-1])
    (cache / "data.bin.part").write_bytes(b"left by a process that was killed")
    assert fetch(server.url, cache / "data.bin", SHA).read_bytes() == CONTENT
    assert visible(cache) == ["data.bin"]


def test_two_threads_share_one_download(server, cache):
    server.behaviours = ["slow"]
    threads = [threading.Thread(target=fetch, args=(server.url, cache / "data.bin", SHA)) for _ in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert len(server.asked) == 1 and (cache / "data.bin").read_bytes() == CONTENT


def test_two_processes_share_one_download(server, cache):
    server.behaviours = ["slow"]
    code = (
        "import sys; from pathlib import Path; from tlkit.data.downloads import fetch; "
        f"fetch({server.url!r}, Path({str(cache / 'data.bin')!r}), {SHA!r})"
    )
    started = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(2)]
    assert [process.wait(timeout=60) for process in started] == [0, 0]
    assert len(server.asked) == 1 and (cache / "data.bin").read_bytes() == CONTENT


def test_a_full_disk_is_said_and_leaves_nothing(server, cache, monkeypatch):
    import pooch

    def full(self, url, output_file, pooch, check_only=False):
        with open(output_file, "wb") as file:
            file.write(b"some")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(pooch.HTTPDownloader, "__call__", full)
        with pytest.raises(TlkitError, match=r"no room for data.bin in .*No space left on device.*nothing was kept"):
            fetch(server.url, cache / "data.bin", SHA)
    assert visible(cache) == []
    assert fetch(server.url, cache / "data.bin", SHA).read_bytes() == CONTENT


def small_disk_command():
    """A prefix that gives a process a disk of 64 kB at /mnt; None where neither tool may do so."""
    bwrap = ["bwrap", "--dev-bind", "/", "/", "--size", "65536", "--tmpfs", "/mnt"]
    unshare = ["unshare", "-m", "sh", "-c", 'mount -t tmpfs -o size=64k tmpfs /mnt && exec "$@"', "sh"]
    for prefix in (bwrap, unshare):
        if shutil.which(prefix[0]) and subprocess.run([*prefix, "true"], capture_output=True).returncode == 0:
            return prefix
    return None


def test_a_disk_that_is_really_full(server, tmp_path):
    prefix = small_disk_command()
    if prefix is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("neither bubblewrap nor unshare may make a small disk here")
    code = (
        "import os; from pathlib import Path; from tlkit.data.downloads import fetch; from tlkit.errors import TlkitError\n"
        f"try: fetch({server.url!r}, Path('/mnt/small/data.bin'), {SHA!r})\n"
        "except TlkitError as error: print(error)\n"
        "print(sorted(name for name in os.listdir('/mnt/small') if not name.startswith('.')))"
    )
    made = subprocess.run([*prefix, sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert "there is no room for data.bin in /mnt/small (No space left on device); nothing was kept" in made.stdout, (
        made.stderr
    )
    assert made.stdout.splitlines()[-1] == "[]"


def test_a_place_that_cannot_be_written_to_is_named(server, tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(TlkitError, match=r"cannot be written .*; set TLKIT_CACHE to a folder of your own"):
        fetch(server.url, tmp_path / "file" / "data.bin", SHA)


def test_given_data_is_used_as_it_is_and_what_differs_is_said(server, cache, tmp_path, monkeypatch):
    given = tmp_path / "given"
    given.mkdir()
    monkeypatch.setenv("TLKIT_DATA", str(given))
    file = RemoteFile("data.bin", server.url, SHA)
    (given / "data.bin").write_bytes(b"another edition")
    found = find_or_fetch(file)
    assert found.path == given / "data.bin" and "is not the published file: its sha256 is" in found.note
    (given / "data.bin").write_bytes(CONTENT)
    assert find_or_fetch(file).note == "" and server.asked == []
    (given / "data.bin").unlink()
    assert find_or_fetch(file).path == cache / "data.bin" and sorted(given.iterdir()) == []
    monkeypatch.setenv("TLKIT_DATA", str(tmp_path / "absent"))
    with pytest.raises(TlkitError, match="TLKIT_DATA is .*absent', which is no folder"):
        find_or_fetch(file)


def test_a_named_task_comes_over_the_network_and_is_kept(cache, tmp_path, monkeypatch):
    generator = np.random.default_rng(0)
    arrays = {}
    for split, count in (("train", 8), ("val", 4), ("test", 4)):
        arrays[f"{split}_images"] = generator.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        arrays[f"{split}_labels"] = (np.arange(count) % 2).astype(np.uint8)[:, None]
    np.savez(tmp_path / "made.npz", **arrays)
    content = (tmp_path / "made.npz").read_bytes()
    facts = medmnist.SETS["breastmnist"]
    monkeypatch.setitem(
        medmnist.SETS, "breastmnist", medmnist.Facts(hashlib.md5(content).hexdigest(), facts.classes, facts.shows)
    )
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serving(content) as server:
        monkeypatch.setattr(medmnist, "ADDRESS", server.url.rsplit("/", 1)[0])
        server.behaviours = ["cut"]
        with pytest.raises(TlkitError, match="breastmnist.npz"):
            tlkit.load_task("breastmnist")
        assert len(tlkit.load_task("breastmnist").train) == 8
    task = tlkit.load_task("breastmnist")  # the server is gone
    assert task.classes == facts.classes and task.train.inputs.shape == (8, 1, 28, 28)
    assert (task.train.inputs[:, 0].numpy() == arrays["train_images"]).all() and not task.notes


def test_addresses_are_pinned_to_one_version():
    files = [*published_texts.BANKING77.values(), *published_texts.WNUT17.values()]
    assert all(
        file.url.startswith("https://") and file.hash.startswith("sha256:") and len(file.hash) == 71 for file in files
    )
    assert all(len(facts.md5) == 32 for facts in medmnist.SETS.values())
    assert spoken_digits.ADDRESS.split("/")[-1].removesuffix(".tar.gz").isalnum() and downloads.TIMEOUT[1] >= 30

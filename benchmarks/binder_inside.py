"""What a learner does in a fresh container, done by a program in it: start, open the first page, run every unit, hand one in.

It runs inside, with the image's own Python and without tlkit's tests, and prints one JSON object a line. Notebooks run as in
JupyterLab: a session of the server, whose kernel gets one cell after the other over the server's own websocket.
"""

import contextlib
import importlib.metadata
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path

import websocket

TOKEN = "a-token-for-tests"
PORT = 8888
URL = f"http://127.0.0.1:{PORT}"
PROBE = """
import pathlib, sys
_figures = sys.modules.get("tlkit.explore.figures")
print("peak_kib", pathlib.Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
print("threads", sys.modules["torch"].get_num_threads() if "torch" in sys.modules else 0)
print("failures", len(_figures.failures) if _figures else 0)
"""


def main(wanted: list[str]) -> None:
    say(step="packages", **packages())
    say(step="network", reached=reaches_out())
    started = time.monotonic()
    with open("/tmp/server.log", "wb") as log:
        command = [os.environ["R2D_ENTRYPOINT"], "jupyter-lab", "--ip=127.0.0.1", f"--port={PORT}", "--no-browser",
                   f"--IdentityProvider.token={TOKEN}"]
        server = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
    try:
        page, address = first_page(server, started)
        say(step="first page", seconds=round(time.monotonic() - started, 1), address=address, is_lab="jupyter-config-data" in page)
        for path in sorted(Path("work").glob("[0-9][0-9]_*/*.ipynb")):
            if not wanted or path.stem in wanted:
                say(step="unit", name=path.stem, **run_all(path))
        say(step="all units", ran=True)
        say(step="beyond", errors=go_beyond())
        for words in (["doctor", "--json"], ["progress"], ["submit", "00", "--student", "ann"]):
            done = subprocess.run(["tlkit", *words], capture_output=True, text=True)
            say(step="command", words=words, returncode=done.returncode, out=done.stdout[-6000:], error=done.stderr[-2000:])
    finally:
        server.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(30)
        server.kill()


def say(**facts) -> None:
    print(json.dumps(facts), flush=True)


def packages() -> dict:
    """Installed megabytes by package, the largest ten, and of everything."""
    sizes = {}
    for package in importlib.metadata.distributions():
        sizes[package.metadata["Name"]] = sum(Path(file.locate()).stat().st_size for file in package.files or ()
                                              if Path(file.locate()).is_file())
    largest = sorted(sizes, key=sizes.get, reverse=True)[:10]
    return {"total_mb": round(sum(sizes.values()) / 1e6), "largest_mb": {name: round(sizes[name] / 1e6) for name in largest}}


def reaches_out() -> bool:
    """Whether any other machine can be reached."""
    try:
        urllib.request.urlopen("http://1.1.1.1/", timeout=3)
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def first_page(server: subprocess.Popen, started: float) -> tuple[str, str]:
    """The page that a browser ends up at which asks for nothing but the server, and its address."""
    while time.monotonic() - started < 180:
        if server.poll() is not None:
            break
        try:
            with urllib.request.urlopen(f"{URL}/?token={TOKEN}", timeout=10) as answer:
                return answer.read().decode(), answer.geturl()
        except urllib.error.HTTPError:
            raise
        except OSError:
            time.sleep(0.1)
    raise SystemExit(f"JupyterLab did not start:\n{Path('/tmp/server.log').read_text(errors='replace')[-3000:]}")


def ask(method: str, path: str, content: dict | None = None) -> dict:
    body = None if content is None else json.dumps(content).encode()
    request = urllib.request.Request(f"{URL}/api/{path}", body, {"Authorization": f"token {TOKEN}"}, method=method)
    with urllib.request.urlopen(request, timeout=120) as answer:
        return json.loads(answer.read() or b"null")


def run_all(path: Path) -> dict:
    """Run a notebook's cells in a session of its own."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    session = ask("POST", "sessions", {"path": str(path), "name": path.name, "type": "notebook", "kernel": {"name": "python3"}})
    kernel = session["kernel"]["id"]
    channel = websocket.create_connection(f"ws://127.0.0.1:{PORT}/api/kernels/{kernel}/channels?session_id={uuid.uuid4()}",
                                          header=[f"Authorization: token {TOKEN}"], timeout=600)
    faults, slowest, began = {}, ["", 0.0], time.monotonic()
    try:
        for cell in notebook["cells"]:
            if cell["cell_type"] == "code":
                at = time.monotonic()
                _, errors = execute(channel, "".join(cell["source"]))
                seconds = round(time.monotonic() - at, 1)
                slowest = max(slowest, [cell["id"], seconds], key=lambda entry: entry[1])
                if errors:
                    faults[cell["id"]] = errors
                if "the kernel died" in errors:
                    break
        seconds = round(time.monotonic() - began, 1)
        printed, _ = execute(channel, PROBE)
        found = dict(line.split() for line in printed.splitlines())
    finally:
        channel.close()
        ask("DELETE", f"sessions/{session['id']}")
    return {"seconds": seconds, "slowest_cell": slowest, "faults": faults, "peak_mb": round(int(found.get("peak_kib", 0)) * 1024 / 1e6),
            "threads": int(found.get("threads", -1)), "callback_failures": int(found.get("failures", -1))}


def go_beyond() -> list[str]:
    """What a learner sees of a cell that takes 3 GB."""
    kernel = ask("POST", "kernels", {"name": "python3"})["id"]
    channel = websocket.create_connection(f"ws://127.0.0.1:{PORT}/api/kernels/{kernel}/channels", timeout=120,
                                          header=[f"Authorization: token {TOKEN}"])
    try:
        return execute(channel, 'held = b"x" * (3 << 30)')[1]
    finally:
        channel.close()
        with contextlib.suppress(urllib.error.HTTPError):  # one that died cannot be asked to end
            ask("DELETE", f"kernels/{kernel}")


def execute(channel: websocket.WebSocket, code: str) -> tuple[str, list[str]]:
    """What a cell printed, and its errors."""
    name = uuid.uuid4().hex
    header = {"msg_id": name, "msg_type": "execute_request", "username": "", "session": "inside", "version": "5.3"}
    content = {"code": code, "silent": False, "store_history": True, "allow_stdin": False, "stop_on_error": False}
    channel.send(json.dumps({"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell", "buffers": []}))
    printed, errors, is_idle, is_answered = "", [], False, False
    while not (is_idle and is_answered):
        received = channel.recv()
        if isinstance(received, bytes):  # widgets' numbers
            continue
        message = json.loads(received)
        kind, said = message["msg_type"], message["content"]
        if kind == "status" and said["execution_state"] in ("dead", "restarting"):
            return printed, [*errors, "the kernel died"]
        if message["parent_header"].get("msg_id") != name:
            continue
        if kind == "error":
            errors.append(f"{said['ename']}: {said['evalue']}"[:500])
        elif kind == "stream":
            printed += said["text"] if said["name"] == "stdout" else ""
        is_idle = is_idle or (kind == "status" and said["execution_state"] == "idle")
        is_answered = is_answered or kind == "execute_reply"
    return printed, errors


if __name__ == "__main__":
    main(sys.argv[1:])

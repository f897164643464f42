"""A local server that misbehaves as it is told, for tests of downloads."""

import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(self.path)
        content = self.server.content
        behaviour = self.server.behaviours.pop(0) if self.server.behaviours else "right"
        if behaviour == "cut":
            self._head(200, len(content))
            self.wfile.write(content[: len(content) // 2])
            self.wfile.flush()
            self.connection.close()
        elif behaviour == "cut without length":
            self.send_response(200)
            self.end_headers()
            self.wfile.write(content[: len(content) // 2])
        elif behaviour == "other bytes":
            self._send(200, b"<html>please log in</html>")
        elif behaviour == "one bit":
            self._send(200, bytes([content[0] ^ 1]) + content[1:])
        elif behaviour == "longer":
            self._send(200, content + b"more")
        elif behaviour == "empty":
            self._send(200, b"")
        elif behaviour in ("404", "500", "403", "503"):
            self._send(int(behaviour), b"an error page that is no data")
        elif behaviour == "nothing":
            time.sleep(2)
        elif behaviour == "hang up":
            self.connection.close()
        elif behaviour == "stall":
            self._head(200, len(content))
            self.wfile.write(content[:10])
            self.wfile.flush()
            time.sleep(2)
        elif behaviour == "redirect":
            self.send_response(302)
            self.send_header("Location", "/elsewhere")
            self.end_headers()
        elif behaviour == "slow":
            self._head(200, len(content))
            for start in range(0, len(content), 20_000):
                self.wfile.write(content[start : start + 20_000])
                time.sleep(0.05)
        else:
            self._send(200, content)

    def _head(self, status, length):
        self.send_response(status)
        self.send_header("Content-Length", str(length))
        self.end_headers()

    def _send(self, status, content):
        self._head(status, len(content))
        self.wfile.write(content)

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, *_):
        pass


@contextmanager
def serving(content: bytes):
    """The server, with `behaviours` (one for each request, then all is right), `asked` and `url`."""
    server = Server(("127.0.0.1", 0), Handler)
    server.content, server.behaviours, server.asked = content, [], []
    server.url = f"http://127.0.0.1:{server.server_address[1]}/data.bin"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()

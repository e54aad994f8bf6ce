# SPDX-License-Identifier: MIT
"""A Shelly Gen2 plug on loopback that can hang up, and a place whose power goes through it."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


class Plug(ThreadingHTTPServer):
    """`drop` counts requests to hang up on, `deaf` those to confirm and not to carry out."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.on = False
        self.drop = 0
        self.deaf = 0
        self.commands: list[bool] = []
        self.was_set = threading.Condition()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def set(self, on: bool) -> None:
        with self.was_set:
            self.commands.append(on)
            if self.deaf:
                self.deaf -= 1
            else:
                self.on = on
            self.was_set.notify_all()

    def wait_for(self, on: bool, limit_s: float) -> bool:
        """Wait until the outlet is `on`; tell whether it is."""
        with self.was_set:
            return self.was_set.wait_for(lambda: self.on is on, limit_s)


class _Handler(BaseHTTPRequestHandler):
    server: Plug

    def do_POST(self) -> None:
        size = int(self.headers.get("Content-Length", 0))
        frame = json.loads(self.rfile.read(size))
        if self.server.drop:
            self.server.drop -= 1
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        was = self.server.on
        if frame["method"] == "Switch.Set":
            self.server.set(frame["params"]["on"])
        body = json.dumps({"id": 1, "result": {"output": self.server.on, "was_on": was}}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


@contextmanager
def plug() -> Iterator[Plug]:
    with Plug() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def free_port() -> int:
    with socket.socket() as link:
        link.bind(("127.0.0.1", 0))
        return int(link.getsockname()[1])


def place_file(folder: Path, outlet: Plug, deadline_s: float = 5.0) -> Path:
    """Write the place of a board whose console is dead; it has no instruments."""
    path = folder / "plugged.yaml"
    path.write_text(f"""\
targets:
  main:
    resources:
      NetworkSerialPort: {{host: 127.0.0.1, port: {free_port()}, speed: 115200}}
      NetworkPowerPort: {{model: shelly_gen2, host: '{outlet.url}', index: 0}}
      BoardService: {{host: 127.0.0.1, port: {free_port()}}}
      BundleServer: {{bind: 127.0.0.1, port: {free_port()}, url: 'http://10.0.2.2:29110'}}
    drivers:
      SerialDriver: {{}}
      CheckedPowerDriver: {{deadline_s: {deadline_s}, off_s: 0.1}}
      PromDriver: {{prompt: 'walnut=> ', boot_command: 'run bootcmd'}}
      WalnutShellDriver: {{prompt: '# ', login_prompt: 'login: ', username: root}}
      WalnutStrategy: {{boot_limit_s: 5.0}}
images:
  firmware: {ROOT}/firmware/out/index.json
imports:
  - rig.drivers
""")
    return path

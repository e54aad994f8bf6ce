# SPDX-License-Identifier: MIT
"""The bare script: one upgrade and one downgrade, driven by nothing but console lines.

It is what an engineer would write in an hour: no records, no instruments, no recovery.  The
benchmark holds the rig's own time for the same sequence against it.
"""

import functools
import http.server
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import serial

LINE_LIMIT_S = 120.0


class Bare:
    """A console and nothing else.

    Args:
        url: pyserial URL of the console, for example `rfc2217://127.0.0.1:29101`.
    """

    def __init__(self, url: str) -> None:
        self._port = serial.serial_for_url(f"{url}?ign_set_control", baudrate=115200, timeout=0.1)

    def close(self) -> None:
        self._port.close()

    def send(self, line: str) -> None:
        self._port.write(line.encode() + b"\n")

    def wait_for(self, text: str) -> None:
        """Read until `text` has come by; TimeoutError after LINE_LIMIT_S."""
        seen = b""
        give_up_s = time.monotonic() + LINE_LIMIT_S
        while text.encode() not in seen:
            if time.monotonic() > give_up_s:
                raise TimeoutError(f"no {text!r} within {LINE_LIMIT_S} s; last: {seen[-200:]!r}")
            seen += self._port.read(max(1, self._port.in_waiting))

    def log_in(self) -> None:
        self.send("")
        self.wait_for("walnut login:")
        self.send("root")
        self.wait_for("root@walnut:")

    def update(self, url: str) -> None:
        """Run one update, from shell prompt to the shell prompt of the release it leads to."""
        self.send(f"walnut-update {url}")
        self.wait_for("acceptance done")
        self.log_in()


@contextmanager
def bundles(folder: Path, port: int) -> Iterator[None]:
    """Serve `folder` to the board while this holds."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None: ...

    handler = functools.partial(Quiet, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

# SPDX-License-Identifier: MIT
"""Serves bundles to the board over HTTP, nothing else."""

import http.server
import shutil
import threading
from http import HTTPStatus
from pathlib import Path

from rig.errors import BenchError


class BundleServer:
    """Files that were offered, each under its own name.

    Args:
        bind, port: where to listen.
        url: the same, as the board sees it.
    """

    def __init__(self, bind: str, port: int, url: str) -> None:
        self._files: dict[str, Path] = {}
        self.url = url
        self.heard = 0  # requests; many at once may be counted as fewer
        files = self._files
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.0"

            def do_HEAD(self) -> None:
                self._send(body=False)

            def do_GET(self) -> None:
                self._send(body=True)

            def _send(self, *, body: bool) -> None:
                server.heard += 1
                path = files.get(self.path)
                if path is None:
                    self.send_error(HTTPStatus.NOT_FOUND)
                    return
                self.send_response(HTTPStatus.OK)
                self.send_header("Content-Type", "application/x-tar")
                self.send_header("Content-Length", str(path.stat().st_size))
                self.end_headers()
                if body:
                    try:
                        with path.open("rb") as stream:
                            shutil.copyfileobj(stream, self.wfile)
                    except ConnectionError:
                        pass  # the board lost its power, as it was meant to

            def log_message(self, *_: object) -> None: ...

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: object, client_address: object) -> None:
                """Say nothing: a board that goes away in mid-request is our daily bread."""

        try:
            self._server = Server((bind, port), Handler)
        except OSError as error:
            raise BenchError(
                f"bundles cannot be served at {bind}:{port}: {error.strerror}; "
                "another run of the rig, or another program, has the port"
            ) from error
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def offer(self, bundle: Path) -> str:
        """Return the URL under which the board can fetch `bundle`."""
        path = f"/{bundle.parent.name}/{bundle.name}"
        self._files[path] = bundle
        return self.url.rstrip("/") + path

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

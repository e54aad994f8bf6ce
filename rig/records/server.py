# SPDX-License-Identifier: MIT
"""A lab's server may hang: every wait for it has an end."""

import os
import socket
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import sqlalchemy as sa

CONNECT_S = 5.0
LOCK_S = 5.0  # for a table that another session holds
STATEMENT_S = 20.0  # for one statement, as the server counts
ANSWER_S = 30.0  # for a whole transaction: a server that stands still counts nothing


def connect_args() -> dict[str, Any]:
    """Return what libpq and psycopg are told (PostgreSQL manual, 32.1.2).

    A lab may have a pooler such as PgBouncer before its server.  That refuses settings of a session
    in `options`, and each transaction may meet another session, which does not know what was
    prepared in the last one.
    """
    return {
        "connect_timeout": CONNECT_S,
        "tcp_user_timeout": round(ANSWER_S * 1000),
        "prepare_threshold": None,
    }


def set_limits(connection: sa.Connection) -> None:
    """Set the server's limits for this transaction (PostgreSQL manual, 20.11)."""
    limits = {"lock_timeout": LOCK_S, "statement_timeout": STATEMENT_S}
    for name, limit in limits.items():
        connection.exec_driver_sql(f"SET LOCAL {name} = {limit * 1000:.0f}")


class Patience:
    """Hangs up on a server that does not answer: libpq itself would wait for ever."""

    def __init__(self, engine: sa.Engine) -> None:
        self._connections: weakref.WeakSet[Any] = weakref.WeakSet()
        sa.event.listen(engine, "connect", lambda connection, _: self._connections.add(connection))

    @contextmanager
    def limited(self) -> Iterator[None]:
        """Make sure that the block's transaction ends in time.

        Raises:
            TimeoutError: it did not; the server has rolled it back, or will.
        """
        done, late = threading.Event(), threading.Event()
        threading.Thread(target=self._watch, args=(done, late), daemon=True).start()
        try:
            yield
        except sa.exc.DBAPIError as error:
            if late.is_set():
                raise TimeoutError(f"it did not answer for {ANSWER_S:g} s") from error
            raise
        finally:
            done.set()

    def _watch(self, done: threading.Event, late: threading.Event) -> None:
        while not done.wait(ANSWER_S):  # again: a connection that was lost is made anew
            late.set()
            self._hang_up()

    def _hang_up(self) -> None:
        for connection in tuple(self._connections):
            if not connection.closed:
                with (
                    suppress(OSError),  # the other end was faster
                    socket.socket(fileno=os.dup(connection.fileno())) as line,
                ):
                    line.shutdown(socket.SHUT_RDWR)

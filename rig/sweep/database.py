# SPDX-License-Identifier: MIT
"""The SQLite file of a sweep: its tables, and changes that are whole or not at all."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rig.errors import BenchError

FORMAT = 2
BUSY_S = 30.0
SCHEMA = """
CREATE TABLE IF NOT EXISTS sweep (
    id INTEGER PRIMARY KEY CHECK (id = 1), format INTEGER NOT NULL, settings TEXT NOT NULL,
    journal_sha256 TEXT NOT NULL, recording TEXT NOT NULL, baseline_s REAL NOT NULL,
    started_at_s REAL NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS operation (
    number INTEGER PRIMARY KEY, what TEXT NOT NULL, start INTEGER NOT NULL,
    length INTEGER NOT NULL, sha256 TEXT NOT NULL, partition TEXT NOT NULL,
    phase TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS point (
    plan TEXT NOT NULL, way TEXT NOT NULL, number INTEGER NOT NULL, kind TEXT NOT NULL,
    depth INTEGER NOT NULL, position INTEGER NOT NULL, owner TEXT, flash TEXT, outcome TEXT,
    shared INTEGER NOT NULL DEFAULT 0, boots INTEGER, duration_s REAL, at_s REAL,
    nested INTEGER, record TEXT, PRIMARY KEY (plan, way)) STRICT;
CREATE TABLE IF NOT EXISTS bench_failure (
    plan TEXT NOT NULL, way TEXT NOT NULL, at_s REAL, record TEXT) STRICT;
CREATE TABLE IF NOT EXISTS run (
    id INTEGER PRIMARY KEY, began_at_s REAL NOT NULL, ended_at_s REAL NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS point_flash ON point (flash) WHERE shared = 0;
CREATE INDEX IF NOT EXISTS point_open ON point (way, position) WHERE outcome IS NULL;
"""


class SweepFile:
    """Several processes may use one file.

    Raises:
        BenchError: the disk is full or gone; what was recorded before stays.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._guard():
            self.database = sqlite3.connect(path, timeout=BUSY_S)
            self.database.row_factory = sqlite3.Row
            self.database.execute("PRAGMA journal_mode = WAL")
            self.database.executescript(SCHEMA)

    def close(self) -> None:
        self.database.close()

    @contextmanager
    def _guard(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.DatabaseError, OSError) as error:
            raise BenchError(
                f"the sweep cannot be recorded in {self.path}: {error}; free space on that disk"
                " and give the same command again: it goes on where it was"
            ) from error

    @contextmanager
    def change(self) -> Iterator[sqlite3.Connection]:
        with self._guard(), self.database:
            yield self.database

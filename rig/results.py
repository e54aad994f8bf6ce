# SPDX-License-Identifier: MIT
"""What was found, in one SQLite file, each step at once: nothing finished is ever lost."""

import dataclasses
import json
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from rig.clock import wall_time_s
from rig.errors import BenchError, UsageError
from rig.inject import StepResult
from rig.pairs import Pair

FORMAT = 1
SCHEMA = """
CREATE TABLE IF NOT EXISTS run (
    format INTEGER NOT NULL, place TEXT NOT NULL, command TEXT NOT NULL,
    started_at_s REAL NOT NULL, ended_at_s REAL, status TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS instrument (
    name TEXT PRIMARY KEY, identity TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS step (
    number INTEGER PRIMARY KEY, name TEXT NOT NULL, outcome TEXT NOT NULL, fault TEXT NOT NULL,
    traffic_s REAL, counter_s REAL, record TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS floor (record TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS verification (record TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS pair (
    number INTEGER PRIMARY KEY, part TEXT NOT NULL, subject TEXT NOT NULL, expected TEXT NOT NULL,
    seen TEXT NOT NULL, verdict TEXT NOT NULL, record TEXT NOT NULL) STRICT;
"""


class Results:
    """One run's file.  Every method commits before it returns.

    Raises:
        BenchError: the disk is full or gone; what was recorded before stays.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._database = self._guard(lambda: sqlite3.connect(path))

    @classmethod
    def create(cls, path: Path, *, place: str, command: str) -> Self:
        """Start a run's file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        results = cls(path)
        results._write("PRAGMA journal_mode = WAL")
        results._guard(lambda: results._database.executescript(SCHEMA))
        values = (FORMAT, place, command, wall_time_s(), "running")
        sql = "INSERT INTO run (format, place, command, started_at_s, status)"
        results._write(f"{sql} VALUES (?, ?, ?, ?, ?)", values)
        return results

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open a run that exists; UsageError if it does not."""
        if not path.exists():
            raise UsageError(f"{path}: there is no such run")
        return cls(path)

    def _guard(self, act: Any) -> Any:  # noqa: ANN401 # a call of sqlite3's, whatever it returns
        try:
            return act()
        except (sqlite3.OperationalError, sqlite3.DatabaseError, OSError) as error:
            raise BenchError(
                f"results cannot be recorded in {self.path}: {error}; free space on that disk. "
                "Steps recorded before are safe"
            ) from error

    def _write(self, sql: str, values: tuple[Any, ...] = ()) -> None:
        def act() -> None:
            with self._database:
                self._database.execute(sql, values)

        self._guard(act)

    def add_instruments(self, identities: Mapping[str, str]) -> None:
        for name, identity in identities.items():
            self._write("INSERT OR REPLACE INTO instrument VALUES (?, ?)", (name, identity))

    def add_floors(self, floors: object) -> None:
        self._write("INSERT INTO floor VALUES (?)", (json.dumps(plain(floors)),))

    def add_verification(self, standing: object) -> None:
        """Record whether the instruments have shown what they state."""
        self._write("INSERT INTO verification VALUES (?)", (json.dumps(plain(standing)),))

    def add_step(self, step: StepResult) -> int:
        """Record one step; return its number, from 1."""
        outages = step.outages
        traffic_s = outages.traffic.value if outages else None
        counter_s = outages.counter.value if outages and outages.counter else None
        values = (step.name, step.outcome.value, step.fault, traffic_s, counter_s)
        sql = "INSERT INTO step (name, outcome, fault, traffic_s, counter_s, record)"
        self._write(f"{sql} VALUES (?, ?, ?, ?, ?, ?)", (*values, json.dumps(plain(step))))
        return int(self._guard(lambda: self._one("SELECT max(number) FROM step")))

    def add_pair(self, pair: Pair) -> None:
        """Record what was expected and what was seen of one combination."""
        values = (pair.part, pair.subject, pair.expected, pair.seen, pair.verdict.value)
        sql = "INSERT INTO pair (part, subject, expected, seen, verdict, record)"
        self._write(f"{sql} VALUES (?, ?, ?, ?, ?, ?)", (*values, json.dumps(plain(pair))))

    def _one(self, sql: str) -> Any:  # noqa: ANN401
        return self._database.execute(sql).fetchone()[0]

    def finish(self, status: str) -> None:
        """Close the run as `complete` or `interrupted`."""
        self._write("UPDATE run SET ended_at_s = ?, status = ?", (wall_time_s(), status))

    def close(self) -> None:
        self._database.close()

    def run(self) -> dict[str, Any]:
        """Return the run's row, its instruments and its floors."""
        cursor = self._database.execute("SELECT * FROM run")
        names = [column[0] for column in cursor.description]
        row = dict(zip(names, cursor.fetchone(), strict=True))
        row["instruments"] = dict(self._database.execute("SELECT name, identity FROM instrument"))
        floors = self._database.execute("SELECT record FROM floor").fetchall()
        row["floors"] = [json.loads(record) for (record,) in floors]
        standings = self._rows("verification", "SELECT record FROM verification")
        row["verification"] = json.loads(standings[-1][0]) if standings else None
        return row

    def steps(self) -> list[dict[str, Any]]:
        """Return every step as it was recorded, in order."""
        rows = self._database.execute("SELECT record FROM step ORDER BY number").fetchall()
        return [json.loads(record) for (record,) in rows]

    def pairs(self) -> list[dict[str, Any]]:
        """Return every pair with its verdict, in order; none from a run of an older rig."""
        rows = self._rows("pair", "SELECT record, verdict FROM pair ORDER BY number")
        return [json.loads(record) | {"verdict": verdict} for record, verdict in rows]

    def _rows(self, table: str, sql: str) -> list[tuple[Any, ...]]:
        """Return the rows of a table; none where a run of an older rig has no such table."""
        known = self._database.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table,))
        return self._database.execute(sql).fetchall() if known.fetchone() else []


def plain(value: object) -> Any:  # noqa: ANN401 # JSON
    """Make JSON of a record: dataclasses become objects, enumerations their values."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = dataclasses.fields(value)
        return {item.name: plain(getattr(value, item.name)) for item in fields}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if hasattr(value, "value") and hasattr(value, "name"):
        return value.value
    return str(value) if isinstance(value, Path) else value

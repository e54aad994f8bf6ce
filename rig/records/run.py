# SPDX-License-Identifier: MIT
"""What was found in one run, each step recorded at once: nothing finished is ever lost."""

import json
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self

import sqlalchemy as sa

from rig.clock import uptime_s, wall_time_s
from rig.errors import UsageError
from rig.records import Database, schema
from rig.records.copies import Copy
from rig.records.plain import plain
from rig.records.rows import Writer

if TYPE_CHECKING:
    from rig.faults.expectations import Pair
    from rig.faults.outcome import Outcome

CLOCK_SET_S = 60.0  # more than a time server's slewing does in a run


class Step(Protocol):
    """What a step has a column for (a StepResult of rig/campaign/step.py); all of it is kept."""

    name: str
    fault: str
    wanted: str
    from_release: str | None
    to_release: str | None
    outcome: "Outcome"
    ended_on: str
    boots: int
    started_at_s: float
    duration_s: float
    error: str | None


class Results:
    """One run in a file or on a lab's server.  Every method commits before it returns.

    Raises:
        BenchError: the database is locked, full or gone; what was recorded before stays.
    """

    def __init__(self, database: Database, run: str, folder: Path) -> None:
        self.path = database.path or folder
        self.id = run
        self.database = database
        self.folder = folder
        self._cycle: int | None = None
        self._copy: Copy | None = None
        self._clocks_differ_s = wall_time_s() - uptime_s()

    @classmethod
    def create(
        cls,
        where: Path | str,
        *,
        place: str,
        command: str,
        folder: Path | None = None,
        copy_to: str = "",
    ) -> Self:
        """Start a run in `where`, a file or a DSN; `folder` is where its raw data are.

        With `copy_to` (a DSN) each row goes there too, after it is safe here.
        """
        if isinstance(where, Path):
            where.parent.mkdir(parents=True, exist_ok=True)
        results = cls(Database.open(where), uuid.uuid4().hex, folder or _folder_of(where))
        with results._write() as writer:
            writer.begin(place, command, wall_time_s())
        if copy_to:
            results._copy = Copy(results.database, results.id, Database(copy_to))
            results._copy.push()
        return results

    @classmethod
    def open(cls, where: Path | str, run: str = "") -> Self:
        """Open a run that exists, by the start of its id; without one the newest.

        Raises:
            UsageError: there is no such run.
        """
        database = open_records(where)
        found = [row for row in runs(database) if row["id"].startswith(run)]
        if not found or (run and len(found) > 1):
            database.close()
            raise UsageError(f"{database}: {len(found)} runs with the id {run or '(any)'}")
        folder = database.path.parent if database.path else Path(found[-1]["folder"])
        return cls(database, found[-1]["id"], folder)

    @contextmanager
    def _write(self) -> Iterator[Writer]:
        with self.database.transaction() as connection:
            yield Writer(connection, self.id, self.folder)
        if self._copy:
            self._copy.push()

    def begin_cycle(self, name: str) -> None:
        """Start a cycle: the steps that follow belong together."""
        with self._write() as writer:
            self._cycle = writer.cycle(name, wall_time_s())

    def add_instruments(self, identities: Mapping[str, str]) -> None:
        with self._write() as writer:
            for name, identity in identities.items():
                writer.instrument(name, identity)

    def add_floors(self, floors: object) -> None:
        with self._write() as writer:
            writer.floors(plain(floors))

    def add_verification(self, standing: object) -> None:
        """Record whether the instruments have shown what they state."""
        with self._write() as writer:
            writer.verification(plain(standing))

    def add_step(self, step: Step) -> int:
        """Record one step; return its number, from 1."""
        with self._write() as writer:
            return writer.step(plain(step), self._cycle)

    def add_pair(self, pair: "Pair") -> None:
        """Record what was expected and what was seen of one combination."""
        with self._write() as writer:
            writer.pair(plain(pair), pair.verdict.value)

    def add_attachment(self, path: Path) -> None:
        """Note a file of the whole run with its SHA-256."""
        with self._write() as writer:
            writer.attachment(None, path)

    def finish(self, status: str) -> None:
        """Close the run as `complete` or `interrupted`.

        Raises:
            BenchError: the copy is not whole; says how it can be made so.
        """
        set_by_s = wall_time_s() - uptime_s() - self._clocks_differ_s
        with self._write() as writer:
            if abs(set_by_s) > CLOCK_SET_S:
                writer.clock({"set_by_s": set_by_s})
            writer.end(status, wall_time_s())
        if self._copy:
            self._copy.finish()

    def close(self) -> None:
        if self._copy:
            self._copy.close()
        self.database.close()

    def run(self) -> dict[str, Any]:
        """Return the run's row, its instruments and its floors."""
        table = schema.run
        row = self.database.rows(sa.select(table).where(table.c.id == self.id))[0]
        found = self._rows(schema.instrument)
        row["instruments"] = {item["name"]: item["identity"] for item in found}
        events = self._rows(schema.event, schema.event.c.name == "floors")
        row["floors"] = [json.loads(event["detail"]) for event in events]
        standings = self._rows(schema.event, schema.event.c.name == "verification")
        row["verification"] = json.loads(standings[-1]["detail"]) if standings else None
        return row

    def steps(self) -> list[dict[str, Any]]:
        """Return every step as it was recorded, in order."""
        return [json.loads(row["record"]) for row in self._rows(schema.trial)]

    def raw_data(self) -> dict[int, dict[str, Any]]:
        """Return the attachment of each step that has one, by the step's number."""
        rows = self._rows(schema.attachment, schema.attachment.c.trial.is_not(None))
        return {row["trial"]: row for row in rows}

    def pairs(self) -> list[dict[str, Any]]:
        """Return every pair with its verdict, in order."""
        rows = self._rows(schema.pair)
        return [json.loads(row["record"]) | {"verdict": row["verdict"]} for row in rows]

    def _rows(self, table: sa.Table, *which: sa.ColumnElement[bool]) -> list[dict[str, Any]]:
        mine = sa.select(table).where(table.c.run == self.id, *which)
        return self.database.rows(mine.order_by(table.c.number))


def open_records(where: Path | str) -> Database:
    """Open what exists, a file or a server.

    Raises:
        UsageError: there is no such file.
    """
    database = Database(where)
    if database.path and not database.path.is_file():
        raise UsageError(f"{where}: there is no such run")
    return Database.open(where)


def runs(database: Database) -> list[dict[str, Any]]:
    """Return every run's row, the oldest first."""
    return database.rows(sa.select(schema.run).order_by(schema.run.c.started_at_s, schema.run.c.id))


def _folder_of(where: Path | str) -> Path:
    return where.parent.resolve() if isinstance(where, Path) else Path.cwd()

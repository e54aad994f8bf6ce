# SPDX-License-Identifier: MIT
"""A sweep's points in the run's SQLite file: each claimed by one worker, none done twice."""

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from rig.clock import wall_time_s
from rig.errors import UsageError
from rig.records.plain import plain
from rig.sweep.database import FORMAT, SweepFile
from rig.sweep.operations import Labelled
from rig.sweep.point import LONG, Point


class SweepRecords(SweepFile):
    """Every method commits before it returns."""

    # ---- what is swept
    def begin(
        self,
        settings: dict[str, Any],
        journal_sha256: str,
        operations: Iterable[Labelled],
        recording: dict[str, Any],
        baseline_s: float,
        points: Iterable[Point],
    ) -> None:
        """Note what is swept and every point of it, or nothing: half a plan would be the plan."""
        with self.change() as database:
            database.execute(
                "INSERT INTO sweep VALUES (1, ?, ?, ?, ?, ?, ?)",
                (
                    FORMAT,
                    json.dumps(settings),
                    journal_sha256,
                    json.dumps(recording),
                    baseline_s,
                    wall_time_s(),
                ),
            )
            database.executemany(
                "INSERT INTO operation (number, what, start, length, sha256, partition, phase)"
                " VALUES (:number, :what, :offset, :length, :sha256, :partition, :phase)",
                map(asdict, operations),
            )
            _add(database, points)

    def check(self, settings: dict[str, Any], journal_sha256: str) -> None:
        """Make sure that the file's sweep is this one.

        Raises:
            UsageError: it holds a sweep of something else, or none.
        """
        found = self.sweep()
        if found is None:
            raise UsageError(f"{self.path} holds no plan")
        changed = [name for name in settings if found["settings"].get(name) != settings[name]]
        if changed:
            was = {name: found["settings"].get(name) for name in changed}
            raise UsageError(
                f"{self.path} holds another sweep: there {was}, here"
                f" { {name: settings[name] for name in changed} }; take another --report folder"
            )
        if found["journal_sha256"] != journal_sha256:
            raise UsageError(
                f"{self.path} holds a sweep of another journal, {found['journal_sha256'][:12]};"
                f" this board's is {journal_sha256[:12]}: the exercise is not repeatable on it, or"
                " its software is another"
            )

    def sweep(self) -> dict[str, Any] | None:
        """Return what is swept, None before `begin`."""
        row = self.database.execute("SELECT * FROM sweep").fetchone()
        if row is None:
            return None
        if row["format"] != FORMAT:
            raise UsageError(f"{self.path} is of format {row['format']}, this rig has {FORMAT}")
        found = dict(row)
        found["settings"] = json.loads(row["settings"])
        found["recording"] = json.loads(row["recording"])
        return found

    def operations(self) -> list[Labelled]:
        rows = self.database.execute(
            "SELECT number, what, start AS offset, length, sha256, partition, phase"
            " FROM operation ORDER BY number"
        )
        return [Labelled(**dict(row)) for row in rows]

    # ---- points
    def add_points(self, points: Iterable[Point]) -> None:
        """Add points that are to be judged; those that are there stay as they are."""
        with self.change() as database:
            _add(database, points)

    def claim(self, owner: str) -> Point | None:
        """Take the next point that nobody has, the short way's first; None when there is none."""
        with self.change() as database:
            row = database.execute(
                "UPDATE point SET owner = ? WHERE rowid = (SELECT rowid FROM point WHERE"
                " owner IS NULL AND outcome IS NULL AND depth = 1"
                " ORDER BY way DESC, position LIMIT 1) RETURNING plan, way, number",
                (owner,),
            ).fetchone()
        return None if row is None else Point.of(row)

    def release_claims(self) -> None:
        """Give back what workers took and did not finish; only while none runs (cli/sweep.py).

        Points at which the bench had failed are judged again; that it had is kept.
        """
        with self.change() as database:
            database.execute(
                "INSERT INTO bench_failure SELECT plan, way, at_s, record FROM point"
                " WHERE outcome = 'bench'"
            )
            database.execute(
                "UPDATE point SET owner = NULL, outcome = NULL, flash = NULL WHERE"
                " outcome IS NULL OR outcome = 'bench'"
                " OR (nested IS NULL AND depth = 1 AND way = 'short')"
            )

    def bench_failures(self) -> list[dict[str, Any]]:
        """Return each failure of the bench that was mended and judged again."""
        rows = self.database.execute("SELECT * FROM bench_failure ORDER BY at_s")
        return [_row(row) for row in rows]

    def same_flash(self, flash: str) -> dict[str, Any] | None:
        """Return a point that was judged on the same flash, a bad one first; None if none was.

        Never an unstable one: its flash reads differently at each power-on.
        """
        row = self.database.execute(
            "SELECT * FROM point WHERE flash = ? AND shared = 0 AND outcome IS NOT NULL"
            " AND outcome != 'bench' AND way = 'short' AND kind != 'unstable'"
            " ORDER BY outcome IN ('new', 'old', 'recovered')",
            (flash,),
        ).fetchone()
        return None if row is None else _row(row)

    def has_long(self, point: Point) -> bool:
        """Tell whether the same cut is also made the long way."""
        return (
            self.database.execute(
                "SELECT 1 FROM point WHERE plan = ? AND way = ?", (str(point.cut), LONG)
            ).fetchone()
            is not None
        )

    def is_done(self, point: Point) -> bool:
        row = self.database.execute(
            "SELECT outcome FROM point WHERE plan = ? AND way = ?", (str(point.cut), point.way)
        ).fetchone()
        return row is not None and row["outcome"] is not None

    def is_finished(self) -> bool:
        """Tell whether nothing is left to judge.

        Something is where the bench failed, and where nobody noted that the cuts in a recovery
        are through: they are added when that recovery has been recorded.
        """
        left = self.database.execute(
            "SELECT 1 FROM point WHERE outcome IS NULL OR outcome = 'bench'"
            " OR (nested IS NULL AND depth = 1 AND way = 'short')"
        ).fetchone()
        return left is None

    def judged(
        self,
        point: Point,
        *,
        outcome: str,
        flash: str,
        shared: bool,
        boots: int,
        duration_s: float,
        record: object,
        owner: str,
    ) -> None:
        """Record one point's verdict."""
        now_s = wall_time_s()
        with self.change() as database:
            _go_on(database, now_s)
            database.execute(
                "UPDATE point SET outcome = ?, flash = ?, shared = ?, boots = ?, duration_s = ?,"
                " at_s = ?, record = ?, owner = ? WHERE plan = ? AND way = ?",
                (
                    outcome,
                    flash,
                    int(shared),
                    boots,
                    duration_s,
                    now_s,
                    json.dumps(plain(record)),
                    owner,
                    str(point.cut),
                    point.way,
                ),
            )

    def nested_done(self, point: Point, count: int) -> None:
        """Note that all cuts nested in this one have been judged.

        Those that an earlier look had left open are dropped: after this one there are none.
        """
        with self.change() as database:
            database.execute(
                "DELETE FROM point WHERE outcome IS NULL AND way = ? AND plan LIKE ? || ',%'",
                (point.way, str(point.cut)),
            )
            database.execute(
                "UPDATE point SET nested = ? WHERE plan = ? AND way = ?",
                (count, str(point.cut), point.way),
            )

    # ---- how long it takes
    def begin_run(self) -> None:
        """Note that a run of the command begins to judge; each verdict says that it goes on."""
        now_s = wall_time_s()
        with self.change() as database:
            database.execute("INSERT INTO run (began_at_s, ended_at_s) VALUES (?, ?)", (now_s,) * 2)

    def end_run(self) -> None:
        with self.change() as database:
            _go_on(database, wall_time_s())

    def worked_s(self) -> float:
        """Return how long all runs of the command took, one that was killed to its last verdict."""
        worked_s = self.database.execute("SELECT total(ended_at_s - began_at_s) FROM run")
        return float(worked_s.fetchone()[0])

    # ---- what there is
    def points(self) -> list[dict[str, Any]]:
        """Return every point, judged or not, in order."""
        rows = self.database.execute(
            "SELECT * FROM point ORDER BY way DESC, number, depth, position"
        )
        return [_row(row) for row in rows]

    def progress(self) -> dict[str, Any]:
        """Count points, boots and outcomes so far."""
        total, done, booted = self.database.execute(
            "SELECT count(*), count(outcome), sum(outcome IS NOT NULL AND shared = 0) FROM point"
        ).fetchone()
        rows = self.database.execute(
            "SELECT outcome, count(*) FROM point WHERE outcome IS NOT NULL GROUP BY outcome"
        )
        outcomes = {row[0]: row[1] for row in rows}
        return {"total": total, "done": done, "booted": booted or 0, "outcomes": outcomes}


def _add(database: sqlite3.Connection, points: Iterable[Point]) -> None:
    database.executemany(
        "INSERT OR IGNORE INTO point (plan, way, number, kind, depth, position)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (
            (
                str(point.cut),
                point.way,
                point.number,
                point.cuts[-1].kind.value,
                len(point.cuts),
                position,
            )
            for position, point in enumerate(points, start=1)
        ),
    )


def _go_on(database: sqlite3.Connection, now_s: float) -> None:
    """Note that the last run of the command still ran."""
    database.execute("UPDATE run SET ended_at_s = ? WHERE id = (SELECT max(id) FROM run)", (now_s,))


def _row(row: sqlite3.Row) -> dict[str, Any]:
    found = dict(row)
    found["record"] = json.loads(row["record"]) if row["record"] else None
    return found

# SPDX-License-Identifier: MIT
"""A run's rows, copied to a lab's server while it runs; one that is gone or hangs stops no run."""

import logging

import sqlalchemy as sa

from rig.clock import Clock, SystemClock
from rig.errors import BenchError, RigError
from rig.records import schema
from rig.records.database import Database

log = logging.getLogger(__name__)

RETRY_S = 60.0  # of rest after a copy that failed,
REST = 10.0  # and at least so many times as long as that took: it held the run up


def copy_run(source: Database, run: str, target: Database) -> int:
    """Bring what `target` lacks of a run, in one transaction; return how many rows that were."""
    added = 0
    with target.transaction() as connection:
        row = source.rows(sa.select(schema.run).where(schema.run.c.id == run))[0]
        _ensure(connection, schema.place, {"name": row["place"]})
        _ensure(connection, schema.run, row)
        for table in schema.OF_RUN:
            last = sa.select(sa.func.max(table.c.number)).where(table.c.run == run)
            have = connection.execute(last).scalar() or 0
            lacking = sa.select(table).where(table.c.run == run, table.c.number > have)
            rows = source.rows(lacking.order_by(table.c.number))
            if rows:
                connection.execute(table.insert(), rows)
            added += len(rows)
    return added


def _ensure(connection: sa.Connection, table: sa.Table, row: dict[str, object]) -> None:
    """Write this row to the table, or change the one that is there."""
    (key,) = table.primary_key.columns
    changed = connection.execute(table.update().where(key == row[key.name]).values(row))
    if not changed.rowcount:
        connection.execute(table.insert().values(row))


class Copy:
    """Pushes a run's new rows after each step; what could not be pushed goes with the next."""

    def __init__(
        self, source: Database, run: str, target: Database, clock: Clock | None = None
    ) -> None:
        self._source, self._run, self._target = source, run, target
        self._clock = clock or SystemClock()
        self._opened = False
        self._rests_until_s: float | None = None

    def push(self) -> None:
        """Copy; a failure is logged, and the next try is a minute away or more."""
        began_s = self._clock.now()
        if self._rests_until_s is not None and began_s < self._rests_until_s:
            return
        try:
            self._push()
        except RigError as error:
            now_s = self._clock.now()
            self._rests_until_s = now_s + max(RETRY_S, REST * (now_s - began_s))
            log.warning("not copied: %s", error)

    def _push(self) -> None:
        if not self._opened:
            self._target.migrate()
        self._opened = True
        copy_run(self._source, self._run, self._target)
        self._rests_until_s = None

    def finish(self) -> None:
        """Copy the rest.

        Raises:
            BenchError: it could not be copied; the run is whole where it was recorded.
        """
        try:
            self._push()
        except RigError as error:
            raise BenchError(
                f"{error}. The run is whole in {self._source}; when the server is back:"
                f" `rig record {self._source} --to {self._target}`"
            ) from error

    def close(self) -> None:
        self._target.close()

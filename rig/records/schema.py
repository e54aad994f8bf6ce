# SPDX-License-Identifier: MIT
"""The tables.  Keys are natural, so a run's rows are the same in every database they are copied to.

A change here needs a new file in migrations/versions; a test compares both.
"""

import sqlalchemy as sa
from sqlalchemy.schema import SchemaItem

REAL: sa.types.TypeEngine[float] = sa.Double().with_variant(
    sa.REAL(), "sqlite"
)  # eight bytes in both
WHOLE: sa.types.TypeEngine[int] = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
metadata = sa.MetaData()


def _table(name: str, *columns: SchemaItem) -> sa.Table:
    return sa.Table(name, metadata, *columns, sqlite_strict=True)


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=nullable)


def _real(name: str, *, nullable: bool = True) -> sa.Column[float]:
    return sa.Column(name, REAL, nullable=nullable)


def _of_run(name: str, *columns: SchemaItem) -> sa.Table:
    """Return a table of rows that a run numbers from 1."""
    return _table(
        name,
        sa.Column("run", sa.Text, sa.ForeignKey("run.id"), primary_key=True),
        sa.Column("number", WHOLE, primary_key=True, autoincrement=False),
        *columns,
    )


def _in_trial() -> list[SchemaItem]:
    """Return the column that leads to a trial; null: of the whole run."""
    return [
        sa.Column("trial", WHOLE),
        sa.ForeignKeyConstraint(["run", "trial"], ["trial.run", "trial.number"]),
    ]


place = _table("place", sa.Column("name", sa.Text, primary_key=True))
run = _table(
    "run",
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("place", sa.Text, sa.ForeignKey("place.name"), nullable=False),
    _text("command"),
    _text("folder"),  # where the raw data are, on the computer that ran it
    _real("started_at_s", nullable=False),
    _real("ended_at_s"),
    _text("status"),
)
instrument = _of_run("instrument", _text("name"), _text("identity"))
cycle = _of_run("cycle", _text("name"), _real("started_at_s", nullable=False))
trial = _of_run(
    "trial",
    sa.Column("cycle", WHOLE),
    _text("kind"),  # upgrade, process reset, os reset or power reset
    _text("name"),
    _text("fault"),
    _text("wanted"),
    _text("from_release", nullable=True),
    _text("to_release", nullable=True),
    _text("outcome"),
    _text("ended_on"),
    sa.Column("boots", WHOLE, nullable=False),
    _real("started_at_s", nullable=False),
    _real("duration_s", nullable=False),
    _text("error", nullable=True),
    _text("record"),  # JSON: all there is, what reports are made of
    sa.ForeignKeyConstraint(["run", "cycle"], ["cycle.run", "cycle.number"]),
)
measurement = _of_run(
    "measurement",
    *_in_trial(),
    _text("name"),
    _real("value", nullable=False),
    _text("unit"),
    _real("u"),  # null: nobody stated it
    _real("k"),
    _text("method"),
    _text("instrument"),
    _text("calibration"),
    _real("taken_at_s"),  # the rig's monotonic clock
    _text("detail", nullable=True),  # JSON: what else the rig knew of it
)
event = _of_run(
    "event",
    *_in_trial(),
    _real("at_s"),  # the rig's monotonic clock; null: none
    _text("source"),  # board, bench or rig
    _text("name"),
    _text("detail"),  # JSON
)
pair = _of_run(
    "pair",
    _text("part"),
    _text("subject"),
    _text("expected"),
    _text("seen"),
    _text("verdict"),
    _text("record"),
)
attachment = _of_run(
    "attachment",
    *_in_trial(),
    _text("name"),
    _text("path"),  # from the run's folder
    _text("media_type"),
    sa.Column("size_bytes", WHOLE, nullable=False),
    _text("sha256"),
)
# In the order in which rows may be written.
OF_RUN = (instrument, cycle, trial, measurement, event, pair, attachment)

# SPDX-License-Identifier: MIT
"""One database of records, a file or a lab's server: opened, migrated, errors translated."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import cache
from pathlib import Path
from typing import Any, Self

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from rig.errors import BenchError, RigError, UsageError
from rig.records import format_1
from rig.records.server import Patience, connect_args, set_limits

BUSY_S = 10.0
MIGRATIONS = Path(__file__).parent / "migrations"
LOCK = 0x57414C4E  # PostgreSQL's advisory lock of whoever migrates
SERVERS = ("postgresql", "postgres")
# What the engines say, and who must do what.  First fit.
ACTS = (
    ("locked", "another program holds it: end that one, then give the command again"),
    ("disk is full", "free space on that disk"),
    ("No space left", "free space on the server's disk"),
    ("readonly", "the file or its folder cannot be written: change that, or copy the run"),
    ("unable to open", "the file or its folder cannot be opened: mind who may do so"),
    ("not a database", "it is no results file, or damaged: take its copy"),
    ("malformed", "the file is damaged: take its copy; `sqlite3 FILE .recover` saves what is left"),
    ("lock timeout", "another session of the server holds the tables: end that one"),
    ("statement timeout", "the server is too slow: see to its load"),
    ("password", "the server refuses this user: see PGPASSWORD and ~/.pgpass"),
    ("permission denied", "the server's owner must grant this user the tables"),
)
SERVER_ACT = "see to the server and the network between"
FILE_ACT = "look at the disk"


class Database:
    """An open database of today's schema.

    Raises:
        UsageError: a newer rig made it, or the address is none.
        BenchError: locked, full, damaged, gone, silent; what was recorded before stays.
    """

    def __init__(self, where: Path | str) -> None:
        self.url = address(where)
        self.path = Path(str(self.url.database)) if self._is_file else None
        options: dict[str, Any] = {"connect_args": {"timeout": BUSY_S}}
        if not self._is_file:
            options = {"connect_args": connect_args(), "pool_pre_ping": True}
        self._engine = sa.create_engine(self.url, **options)
        self._patience = None if self._is_file else Patience(self._engine)
        if self._is_file:
            sa.event.listen(self._engine, "connect", _prepare)
        sa.event.listen(self._engine, "begin", _begin if self._is_file else set_limits)

    @classmethod
    def open(cls, where: Path | str) -> Self:
        """Open and, where it is older, migrate."""
        database = cls(where)
        try:
            database.migrate()
        except BaseException:
            database.close()
            raise
        return database

    @property
    def _is_file(self) -> bool:
        return self.url.get_backend_name() == "sqlite"

    def __str__(self) -> str:
        if self.path:
            return str(self.path)
        return self.url.set(drivername=SERVERS[0]).render_as_string(hide_password=True)

    @contextmanager
    def transaction(self, *, reads: bool = False) -> Iterator[sa.Connection]:
        """Commit when the block ends well, else change nothing; only reading locks nobody out."""
        limited = self._patience.limited() if self._patience else nullcontext()
        try:
            with limited, self._engine.execution_options(reads=reads).begin() as connection:
                yield connection
        except (sa.exc.SQLAlchemyError, sqlite3.Error, OSError) as error:
            raise self._translated(error) from error

    def rows(self, select: sa.Select[Any]) -> list[dict[str, Any]]:
        """Return what a query finds."""
        with self.transaction(reads=True) as connection:
            return [dict(row) for row in connection.execute(select).mappings()]

    def close(self) -> None:
        self._engine.dispose()

    def migrate(self) -> None:
        """Bring the tables to today's schema, all or nothing; two at once wait for each other."""
        with self.transaction(reads=True) as connection:
            if MigrationContext.configure(connection).get_current_revision() == _head():
                return
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        with self.transaction() as connection:
            if not self._is_file:
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK)))
            found = MigrationContext.configure(connection).get_current_revision()
            if found == _head():
                return
            known = {script.revision for script in _scripts().walk_revisions()}
            if found is not None and found not in known:
                raise UsageError(
                    f"{self} has schema {found}, this rig knows up to {_head()}: a newer rig made"
                    " it. Use that one, or update this one"
                )
            old = format_1.put_aside(connection) if self._is_file else False
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            if old and self.path:
                format_1.convert(connection, self.path.parent)

    def _translated(self, error: BaseException) -> RigError:
        said = str(getattr(error, "orig", None) or error).strip().replace("\n", " ")
        act = SERVER_ACT if not self._is_file else FILE_ACT
        act = next((do for words, do in ACTS if words in said), act)
        return BenchError(f"records in {self}: {said}; {act}. What was recorded before is safe")


def address(where: Path | str) -> sa.URL:
    """Return where the records are: a file, or a server by its DSN.

    Raises:
        UsageError: `where` is of a kind that the rig does not know.
    """
    if isinstance(where, Path) or "://" not in where:
        return sa.URL.create("sqlite", database=str(Path(where).resolve()))
    try:
        url = sa.make_url(where)
    except (sa.exc.ArgumentError, ValueError):
        url = None
    if url is None or url.drivername not in SERVERS:
        kind = where.partition("://")[0]
        raise UsageError(
            f"{kind}://… is no address of records: postgresql://USER@HOST/NAME, or a file's name"
        )
    return url.set(drivername="postgresql+psycopg")


def _prepare(connection: sqlite3.Connection, _: object) -> None:
    """Leave it to SQLAlchemy to begin transactions, so that making tables is part of one."""
    connection.isolation_level = None
    for name, value in (
        ("busy_timeout", int(BUSY_S * 1000)),
        ("journal_mode", "WAL"),
        ("synchronous", "FULL"),
        ("foreign_keys", "ON"),
    ):
        connection.execute(f"PRAGMA {name} = {value}").close()


def _begin(connection: sa.Connection) -> None:
    reads = connection.get_execution_options().get("reads")
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


@cache
def _scripts() -> ScriptDirectory:
    return ScriptDirectory(str(MIGRATIONS))


@cache
def _head() -> str:
    return str(_scripts().get_current_head())

# SPDX-License-Identifier: MIT
"""The same records on a real PostgreSQL server: same report, and no run is lost with the server."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa

from rig.cli import main
from rig.errors import BenchError, UsageError
from rig.records import Database
from rig.records.database import address
from rig.records.run import Results, open_records, runs
from rig.records.server import connect_args, set_limits
from rig.report.build import build
from rig.report.export import export
from tests.unit.helpers.recorded import record_into, recorded_night, step

LIMIT_S = 30.0
LIMITS = ("lock_timeout", "statement_timeout")


class Server:
    """A PostgreSQL of Debian's in a folder of its own, on a socket there; no network."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
        assert found, "no PostgreSQL here: tools/set-up installs it"
        self._tools = found[-1].parent
        # PostgreSQL refuses to run as root.
        self._user = pwd.getpwnam("postgres") if os.getuid() == 0 else None
        if self._user:
            os.chown(folder, self._user.pw_uid, self._user.pw_gid)
        self._call("initdb", "-A", "trust", "-U", "walnut", "--no-sync", "-E", "UTF8")

    def _call(self, tool: str, *words: str) -> None:
        subprocess.run(
            [str(self._tools / tool), "-D", str(self._folder / "data"), *words],
            check=True,
            stdout=subprocess.DEVNULL,
            timeout=LIMIT_S,
            cwd=self._folder,
            user=self._user.pw_uid if self._user else None,
            group=self._user.pw_gid if self._user else None,
            extra_groups=[] if self._user else None,
        )

    def start(self) -> None:
        options = f"-k {self._folder} -c listen_addresses='' -F"
        log = str(self._folder / "log")
        self._call("pg_ctl", "-w", "-o", options, "-l", log, "start")

    def ensure(self) -> None:
        """Start it again if a test let it die."""
        if not (self._folder / "data" / "postmaster.pid").exists():
            self.start()

    def die(self) -> None:
        """Stop as if the power had gone."""
        self._call("pg_ctl", "-m", "immediate", "stop")

    def processes(self) -> list[int]:
        """Return the process that takes connections, and those that serve the rig."""
        taker = int((self._folder / "data" / "postmaster.pid").read_text().split()[0])
        with psycopg.connect(self.dsn()) as connection:
            found = connection.execute("SELECT pid FROM pg_stat_activity WHERE datname = 'lab'")
            return [taker, *(process for (process,) in found)]

    def dsn(self, name: str = "postgres") -> str:
        return f"postgresql://walnut@/{name}?host={self._folder}"

    def sql(self, text: str) -> None:
        psql = [str(self._tools / "psql"), "-q", "-h", str(self._folder), "-U", "walnut"]
        subprocess.run([*psql, "-d", "postgres", "-c", text], check=True, timeout=LIMIT_S)


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    folder = Path(tempfile.mkdtemp(prefix="rigpg"))  # short: a socket's path is
    server = Server(folder)
    server.start()
    yield server
    server.ensure()
    server.die()
    shutil.rmtree(folder)


@pytest.fixture
def server(running: Server) -> Server:
    """Give each test a database of its own."""
    running.ensure()
    running.sql("DROP DATABASE IF EXISTS lab WITH (FORCE)")
    running.sql("CREATE DATABASE lab")
    return running


def test_the_same_run_gives_the_same_report(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Recorded into SQLite and PostgreSQL, and copied from one to the other."""
    monkeypatch.setattr("rig.records.run.wall_time_s", lambda: 1_795_571_500.25)
    dsn, one = server.dsn("lab"), tmp_path / "one"
    recorded_night(one / "results.sqlite", 6).close()
    direct = Results.create(dsn, place="virtual", command="rig cycle", folder=one)
    record_into(direct, 6).close()
    other = tmp_path / "other"
    other.mkdir()

    build(one, pytest.fail, allure=False)
    build(other, pytest.fail, allure=False, where=dsn, run=direct.id)

    for name in ("summary.json", "index.html"):
        assert (one / name).read_bytes() == (other / name).read_bytes()
    assert main(["record", str(one / "results.sqlite"), "--to", dsn]) == 0
    copied = Results.open(one / "results.sqlite")
    build(other, pytest.fail, allure=False, where=dsn, run=copied.id)
    copied.close()
    assert (one / "summary.json").read_bytes() == (other / "summary.json").read_bytes()


def test_every_value_comes_back_as_it_was(server: Server, tmp_path: Path) -> None:
    dsn = server.dsn("lab")
    recorded_night(tmp_path / "results.sqlite", 4).close()
    assert main(["record", str(tmp_path / "results.sqlite"), "--to", dsn]) == 0

    for where, folder in ((str(tmp_path / "results.sqlite"), "file"), (dsn, "server")):
        export(where, "csv", tmp_path / folder)

    names = {path.name for path in (tmp_path / "file").glob("*.csv")}
    assert len(names) == 9
    for name in names:
        assert (tmp_path / "file" / name).read_text() == (tmp_path / "server" / name).read_text()


def test_odd_texts_are_recorded_there_too(server: Server) -> None:
    results = Results.create(server.dsn("lab"), place="p", command="c")
    odd = step()
    odd.ended_on = "failed \0 \ud800"
    results.add_step(odd)
    assert results.steps()[0]["ended_on"] == odd.ended_on
    results.close()


def test_a_server_that_dies_in_mid_run_is_the_labs_and_loses_nothing(server: Server) -> None:
    results = Results.create(server.dsn("lab"), place="p", command="c")
    results.add_step(step())
    server.die()

    with pytest.raises(BenchError, match="see to the server"):
        results.add_step(step())
    server.start()

    assert results.add_step(step()) == 2, "a new connection is made by itself"
    results.close()


def test_a_run_outlives_the_server_that_it_is_copied_to(server: Server, tmp_path: Path) -> None:
    dsn, path = server.dsn("lab"), tmp_path / "results.sqlite"
    results = Results.create(path, place="p", command="c", copy_to=dsn)
    results.add_step(step())
    server.die()
    results.add_step(step())
    with pytest.raises(BenchError, match=r"whole in .*rig record .* --to postgresql://walnut@"):
        results.finish("complete")
    results.close()
    server.start()
    on_server = Results.open(dsn)
    assert (len(on_server.steps()), on_server.run()["status"]) == (1, "running")
    on_server.close()

    assert main(["record", str(path), "--to", dsn]) == 0

    on_server, here = Results.open(dsn), Results.open(path)
    assert on_server.steps() == here.steps()
    assert on_server.run() == here.run()
    on_server.close()
    here.close()


def test_a_table_that_another_session_holds_stops_no_run(
    server: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The server ends that session after a while: who waits for it gives no warning."""
    monkeypatch.setattr("rig.records.server.LOCK_S", 0.2)
    results = Results.create(
        tmp_path / "results.sqlite", place="p", command="c", copy_to=server.dsn("lab")
    )
    with psycopg.connect(server.dsn("lab")) as other:
        other.execute(f"SET idle_in_transaction_session_timeout = '{LIMIT_S:g}s'")
        other.execute("LOCK TABLE trial")

        results.add_step(step())

        assert "another session of the server holds the tables: end that one" in caplog.text
        with pytest.raises(BenchError, match="lock timeout"):
            results.finish("complete")
    results.finish("complete")
    assert copied(server) == results.steps()
    results.close()


def test_a_server_that_stands_still_stops_no_run(
    server: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It goes on by itself after a while: who waits for it gives no warning."""
    monkeypatch.setattr("rig.records.server.ANSWER_S", 1.0)
    results = Results.create(
        tmp_path / "results.sqlite", place="p", command="c", copy_to=server.dsn("lab")
    )
    processes = server.processes()
    later = threading.Timer(LIMIT_S, tell, [processes, signal.SIGCONT])
    later.start()
    tell(processes, signal.SIGSTOP)

    results.add_step(step())

    later.cancel()
    tell(processes, signal.SIGCONT)
    assert "did not answer for 1 s; see to the server" in caplog.text
    results.finish("complete")
    assert copied(server) == results.steps()
    results.close()


def tell(processes: list[int], what: signal.Signals) -> None:
    for process in processes:
        with suppress(ProcessLookupError):
            os.kill(process, what)


def copied(server: Server) -> list[dict[str, Any]]:
    on_server = Results.open(server.dsn("lab"))
    try:
        return on_server.steps()
    finally:
        on_server.close()


def test_a_pooler_may_stand_before_the_server(server: Server) -> None:
    """PgBouncer, `pool_mode = transaction`: each transaction may meet another session.

    So no session is asked for anything at its start, nothing is prepared in it, and the limits are
    of the transaction alone.  Tried with Debian's PgBouncer 1.18 on 2026-11-28.
    """
    assert not {"options", *LIMITS} & set(connect_args())
    database = Database.open(server.dsn("lab"))
    for _ in range(10):  # psycopg prepares what comes for the fifth time
        runs(database)
    found = []
    for name in (*LIMITS, "(SELECT count(*) FROM pg_prepared_statements)"):
        text = f"SELECT current_setting('{name}')" if name in LIMITS else f"SELECT {name}"
        with database.transaction(reads=True) as connection:
            found.append(str(connection.exec_driver_sql(text).scalar()))
    database.close()
    assert found == ["5s", "20s", "0"]


def test_a_limit_ends_with_its_transaction(server: Server) -> None:
    engine = sa.create_engine(address(server.dsn("lab")))
    with engine.connect() as connection:
        for name in LIMITS:
            assert connection.exec_driver_sql(f"SHOW {name}").scalar() == "0"
        set_limits(connection)
        assert connection.exec_driver_sql("SHOW lock_timeout").scalar() == "5s"
        connection.commit()
        assert connection.exec_driver_sql("SHOW lock_timeout").scalar() == "0"
    engine.dispose()


def test_a_server_of_a_newer_rig_is_refused(server: Server) -> None:
    database = Database.open(server.dsn("lab"))
    with database.transaction() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0042'")
    database.close()

    with pytest.raises(UsageError, match="a newer rig made it"):
        open_records(server.dsn("lab"))


def test_a_user_without_the_right_is_told_who_grants_it(server: Server) -> None:
    Results.create(server.dsn("lab"), place="p", command="c").close()
    server.sql("DROP ROLE IF EXISTS guest")
    server.sql("CREATE ROLE guest LOGIN")
    with pytest.raises(BenchError, match="must grant"):
        Results.open(server.dsn("lab").replace("walnut@", "guest@"))

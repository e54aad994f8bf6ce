# SPDX-License-Identifier: MIT
"""Options and hooks of every test run; places and campaigns are in tests/board/conftest.py."""

import contextlib
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rig import errors, full_disk, secrecy, shutdown
from rig.cli.pytest_run import ERROR_FILE, ON_FILE
from rig.errors import BoardOnError, RigError

KINDS = ("UsageError", "BenchError", "BoardError")
UNRECORDED = pytest.StashKey[str]()  # what the command that started us must hear, and will not


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("rig", "Walnut rig")
    group.addoption("--rig-report", type=Path, help="folder that the run's records go to")
    group.addoption("--rig-from", default="1.0.0", help="release that a cycle starts from")
    group.addoption("--rig-to", default="2.0.0", help="release that a cycle goes to")
    group.addoption("--rig-rate", type=float, default=1000.0, help="datagrams a second")
    group.addoption("--rig-cycles", type=int, default=1, help="how many cycles")
    group.addoption("--rig-fault", default="none", help="fault plan of each cycle's upgrade")
    group.addoption("--rig-resets", default="{}", help="settings of `rig reset`, JSON")
    group.addoption("--rig-sweep", default="{}", help="settings of a sweep, JSON")
    group.addoption(
        "--rig-command", type=int, default=os.getppid(), help="process that started this run"
    )
    group.addoption("--rig-verify", default="{}", help="settings of a verification, JSON")
    group.addoption(
        "--rig-require-verified", action="store_true", help="refuse a place that is not verified"
    )
    group.addoption("--rig-key", default="", help="key of a trial that is replayed")


def pytest_configure(config: pytest.Config) -> None:
    """Put everything in order, too, when a service manager or a lost session ends the run.

    And when the command that started it was killed: nobody waits for the run any more.
    """
    secrecy.in_logs()
    stack = contextlib.ExitStack()
    stack.enter_context(shutdown.once())
    shutdown.with_command()
    config.add_cleanup(stack.close)


@pytest.hookimpl(wrapper=True, trylast=True)  # the innermost: Allure wraps these, too
def pytest_fixture_setup() -> Iterator[Any]:
    """Hide passwords in what a fixture raises before anybody reports it."""
    return (yield from _hidden())


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_pyfunc_call() -> Iterator[Any]:
    """Hide passwords in what a test raises before anybody reports it."""
    return (yield from _hidden())


def _hidden() -> Iterator[Any]:
    try:
        return (yield)
    except BaseException as error:
        secrecy.hide_in(error)
        raise


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_makereport(call: pytest.CallInfo[Any]) -> Iterator[Any]:
    """Hide passwords in a report before JUnit and Allure have it: a traceback shows arguments."""
    if call.excinfo:
        secrecy.hide_in(call.excinfo.value)
    report = yield
    shown = secrecy.hide(report.longreprtext)
    if shown != report.longreprtext:
        report.longrepr = shown
    report.sections = [(name, secrecy.hide(text)) for name, text in report.sections]
    return report


def pytest_exception_interact(
    node: pytest.Item | pytest.Collector, call: pytest.CallInfo[Any]
) -> None:
    """Leave the rig's own errors where the command that started us finds them."""
    folder = node.config.getoption("rig_report", None)
    for error in _each(call.excinfo.value if call.excinfo else None):
        if folder and isinstance(error, OSError):
            error = full_disk.full(error, folder)  # noqa: PLW2901 # what it means
        if folder and isinstance(error, RigError):
            _leave(error, folder, node.config)


def _each(error: BaseException | None) -> Iterator[BaseException]:
    """Give an error, or each of those that fixtures ended on together."""
    if isinstance(error, BaseExceptionGroup):
        for part in error.exceptions:
            yield from _each(part)
    elif error:
        yield error


def _leave(error: RigError, folder: Path, config: pytest.Config) -> None:
    names = [kind.__name__ for kind in type(error).__mro__]
    kind = next((name for name in names if name in KINDS), "RigError")
    facts = {"kind": kind, "who": error.who, "text": str(error)}
    name = ON_FILE if isinstance(error, BoardOnError) else ERROR_FILE
    try:
        (folder / name).write_text(json.dumps(facts), encoding="utf-8")
    except OSError as failure:
        said = f"error ({error.who} must act): {error}"
        config.stash[UNRECORDED] = f"{said}\n{full_disk.full(failure, folder) or failure}\n"


@pytest.hookimpl(wrapper=True)
def pytest_sessionfinish(session: pytest.Session) -> Iterator[None]:
    """Have a run that could not write its records end on a code of its own.

    What fails when an interrupted run puts things in order comes here and nowhere else.
    """
    folder = session.config.getoption("rig_report", None) or session.config.rootpath
    try:
        yield
    except (OSError, RigError, BaseExceptionGroup) as failure:
        for error in _each(failure):
            said = full_disk.full(error, folder) if isinstance(error, OSError) else None
            if said:  # Allure's or JUnit's records
                session.config.stash.setdefault(UNRECORDED, f"{said}\n")
            elif isinstance(error, RigError):
                _leave(error, folder, session.config)
            else:
                raise
    if UNRECORDED in session.config.stash:
        session.exitstatus = errors.UNRECORDED


def pytest_unconfigure(config: pytest.Config) -> None:
    """Say in the end what could not be recorded."""
    sys.stderr.write(config.stash.get(UNRECORDED, ""))


@pytest.fixture(scope="session", autouse=True)
def allure_steps(request: pytest.FixtureRequest) -> Iterator[None]:
    """Show labgrid's steps as nested Allure steps when both are in use."""
    plugins = request.config.pluginmanager
    if not plugins.hasplugin("labgrid") or not request.config.getoption("allure_report_dir", None):
        yield
        return
    from allure_commons import plugin_manager  # noqa: PLC0415 # only with Allure
    from allure_commons.utils import uuid4  # noqa: PLC0415
    from labgrid.step import steps  # noqa: PLC0415

    open_steps: dict[int, str] = {}

    def hear(event: Any) -> None:
        step = event.step
        if step.tag == "console":  # one for each read: thousands
            return
        if event.data.get("state") == "start":
            open_steps[id(step)] = uuid4()
            plugin_manager.hook.start_step(
                uuid=open_steps[id(step)],
                title=f"{type(step.source).__name__}.{step.title}",
                params={
                    key: secrecy.hide(repr(value))[:200] for key, value in (step.args or {}).items()
                },
            )
        elif event.data.get("state") == "stop" and id(step) in open_steps:
            error = step.exception
            if error:
                secrecy.hide_in(error)
            plugin_manager.hook.stop_step(
                uuid=open_steps.pop(id(step)),
                exc_type=type(error) if error else None,
                exc_val=error,
                exc_tb=error.__traceback__ if error else None,
            )

    steps.subscribe(hear)
    yield
    steps.unsubscribe(hear)

# SPDX-License-Identifier: MIT
"""Hooks of a run that has a place: its errors are heard, and no password gets out."""

import json
import sys
import traceback
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from rig import errors, full_disk, secrecy
from rig.errors import BoardError, BoardOnError, RigError, UsageError
from rig.run_end import ERROR_FILE, ON_FILE

KINDS = ("UsageError", "BenchError", "BoardError")
WORST = ("BoardError", "BenchError", "RigError", "UsageError")
OF_A_BOARD = {"labgrid.driver.exception", "pexpect.exceptions"}
UNRECORDED = pytest.StashKey[str]()  # what the command that started us must hear, and will not


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
def pytest_runtest_makereport(
    call: pytest.CallInfo[Any],
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
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
    own = node.config.getoption("rig_own_tests", False)
    for error in _each(call.excinfo.value if call.excinfo else None):
        full = full_disk.full(error, folder) if folder and isinstance(error, OSError) else None
        meant = full or error
        if folder and isinstance(meant, RigError):
            _leave(meant, folder, node.config)
        elif folder and own:
            kind, who = _blamed(meant)
            text = "".join(traceback.format_exception_only(meant)).strip()
            _write(folder / ERROR_FILE, {"kind": kind, "who": who, "text": text}, node.config)


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
    _write(folder / name, facts, config)


def _write(path: Path, facts: dict[str, str], config: pytest.Config) -> None:
    if config.getoption("rig_own_tests", False) and _is_less(facts, path):
        return
    try:
        path.write_text(json.dumps(facts), encoding="utf-8")
    except OSError as failure:
        said = f"error ({facts['who']} must act): {facts['text']}"
        full = full_disk.full(failure, path.parent) or failure
        config.stash[UNRECORDED] = f"{said}\n{full}\n"


def _blamed(error: BaseException) -> tuple[str, str]:
    """Say whose an error in somebody's own test is that is none of the rig's: kind and who.

    An assertion is a verdict on the board, and so is what labgrid's drivers and pexpect say of one
    that does not do or say what it should.  All else is the test's own stumbling.
    """
    verdict = isinstance(error, (AssertionError, pytest.fail.Exception))
    if verdict or type(error).__module__ in OF_A_BOARD:
        return BoardError.__name__, BoardError.who
    return UsageError.__name__, "you (the test)"


def _is_less(facts: dict[str, str], path: Path) -> bool:
    """Tell whether a worse error was left before: many tests may fail, and a product's counts."""
    try:
        before = json.loads(path.read_text(encoding="utf-8"))["kind"]
    except (OSError, ValueError, KeyError):
        return False
    return WORST.index(before) <= WORST.index(facts["kind"])


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

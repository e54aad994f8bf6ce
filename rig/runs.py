# SPDX-License-Identifier: MIT
"""Has pytest, the only executor there is, carry out a command; exit codes say who must act."""

import datetime as dt
import json
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rig import stop
from rig.errors import BenchError, UsageError

if TYPE_CHECKING:
    import subprocess

ROOT = Path(__file__).resolve().parents[1]
BOARD_TESTS = ROOT / "tests" / "board"
# Exit codes
GOOD, PRODUCT, USAGE, BENCH, OURS, INTERRUPTED = 0, 1, 2, 3, 4, 130
UNHEARD = 141  # as shells say of SIGPIPE: who read the output has gone
# pytest's own, docs.pytest.org/en/stable/reference/exit-codes.html; more is no verdict on anything
PYTEST_FAILED, PYTEST_INTERRUPTED, PYTEST_USAGE = 1, 2, 4
UNRECORDED = os.EX_IOERR  # conftest.py: the run's records could not be written
RECORD_TO = "WALNUT_RECORD_TO"  # environment: DSN of a lab's server that runs are copied to
ERROR_FILE = "error.json"  # conftest.py: the last error of the rig's own in a run
_BY_ERROR = {"UsageError": USAGE, "BenchError": BENCH, "BoardError": PRODUCT}


def need_checkout() -> None:
    """Raise UsageError where there is only the package: a board's tests are beside it."""
    if not BOARD_TESTS.is_dir():
        raise UsageError(
            f"this rig was installed without its checkout ({BOARD_TESTS} is not there), so it can"
            " look at records (gate, history, export, record) and check places (doctor), not run:"
            " install it with `pip install -e CHECKOUT`, or use CHECKOUT/.venv/bin/rig"
        )


def new_folder() -> Path:
    """Return a folder of this moment's for a run's records; it is made when it is used."""
    need_checkout()
    return ROOT / "reports" / dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H%M%SZ")


def command(
    nodes: Iterable[str], place: Path, folder: Path, options: Iterable[str] = ()
) -> list[str]:
    """Return the words that run `nodes` of tests/board on a place."""
    need_checkout()
    words = [sys.executable, "-m", "pytest", *(str(BOARD_TESTS / node) for node in nodes)]
    words += ["--rootdir", str(ROOT), "-c", str(ROOT / "pyproject.toml"), "-q", "--tb=short"]
    return [*words, "--lg-env", str(place.resolve()), f"--rig-report={folder}", *options]


def with_records(folder: Path) -> list[str]:
    """Return the options that leave Allure results and JUnit XML in `folder`."""
    return [f"--alluredir={folder / 'allure-results'}", f"--junitxml={folder / 'junit.xml'}"]


def start(
    words: list[str], log: Path | None = None, held: Sequence[int] = ()
) -> "subprocess.Popen[bytes]":
    """Start pytest; with `log` it talks to that file; it keeps the descriptors `held`, too."""
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    if log is None:
        return stop.start(words, cwd=ROOT, env=environment, pass_fds=held)
    with log.open("ab") as output:
        return stop.start(
            words, cwd=ROOT, env=environment, stdout=output, stderr=output, pass_fds=held
        )


def wait(child: "subprocess.Popen[bytes]") -> int:
    """Wait for pytest, which is told by `stop` when it shall end, and puts the board in order.

    Raises:
        BenchError: it could not write its records, and has said why.
    """
    while True:
        try:
            code = child.wait()
        except KeyboardInterrupt:
            continue
        if code == UNRECORDED:
            raise BenchError("the run could not write its records: what it said last tells why")
        return PYTEST_INTERRUPTED if stop.ended(code) else code


def told(folder: Path) -> tuple[int, str] | None:
    """Return exit code and text of the rig's own error in a run that failed; None: none."""
    try:
        error = json.loads((folder / ERROR_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return _BY_ERROR.get(error["kind"], OURS), f"error ({error['who']} must act): {error['text']}"

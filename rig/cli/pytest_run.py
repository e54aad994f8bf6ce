# SPDX-License-Identifier: MIT
"""Has pytest, the only executor there is, carry out a command; exit codes say who must act."""

import importlib.util
import json
import os
import signal
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rig import run_end, shutdown
from rig.errors import BENCH, GOOD, OURS, UNRECORDED, BenchError, BoardError, UsageError
from rig.run_end import ERROR_FILE, ON_FILE

if TYPE_CHECKING:
    import subprocess

ROOT = Path(__file__).resolve().parents[2]
BOARD_TESTS = ROOT / "tests" / "board"
# pytest's own, docs.pytest.org/en/stable/reference/exit-codes.html; more is no verdict on anything
PYTEST_FAILED, PYTEST_INTERRUPTED, PYTEST_USAGE, PYTEST_NO_TESTS = 1, 2, 4, 5
PYTEST_UNREADABLE = 7  # a file that it cannot read, as soon as pytest tells that from Ctrl-C
_BY_ERROR = {kind.__name__: kind.exit_code for kind in (UsageError, BenchError, BoardError)}


def need_checkout() -> None:
    """Raise UsageError where there is only the package: a board's tests are beside it."""
    if not BOARD_TESTS.is_dir():
        raise UsageError(
            f"this rig was installed without its checkout ({BOARD_TESTS} is not there), so it can"
            " look at records (gate, history, export, record) and check places (doctor), not run:"
            " install it with `pip install -e CHECKOUT`, or use CHECKOUT/.venv/bin/rig"
        )


def new_folder(prefix: str = "") -> Path:
    """Make a folder of this moment's for a run's records."""
    need_checkout()
    return run_end.new_folder(ROOT / "reports", prefix)


def command(
    nodes: Iterable[str], place: Path, folder: Path, options: Iterable[str] = ()
) -> list[str]:
    """Return the words that run `nodes` of tests/board on a place."""
    need_checkout()
    words = [sys.executable, "-m", "pytest", *(str(BOARD_TESTS / node) for node in nodes)]
    words += ["--rootdir", str(ROOT), "-c", str(ROOT / "pyproject.toml"), "-q", "--tb=short"]
    # A library's complaint says nothing of board or bench, and `rig doctor` lives with it, too.
    words += ["-W", "default"]
    return [*words, "--lg-env", str(place.resolve()), f"--rig-report={folder}", *options]


def own_command(
    tests: Iterable[str], place: Path, folder: Path, options: Iterable[str] = ()
) -> list[str]:
    """Return the words that run somebody's own tests on a place, wherever they lie."""
    words = [sys.executable, "-m", "pytest", *tests, "-q", "--tb=short", "-W", "default"]
    # One place, one process, whatever the tests' own settings say (`addopts = -n auto`).
    words += ["-n", "0"] if importlib.util.find_spec("xdist") else []
    # As one word: pytest looks for its root where words that are files lie.
    return [*words, f"--lg-env={place.resolve()}", f"--rig-report={folder}", *options]


def with_records(folder: Path) -> list[str]:
    """Return the options that leave Allure results and JUnit XML in `folder`."""
    return [f"--alluredir={folder / 'allure-results'}", f"--junitxml={folder / 'junit.xml'}"]


def start(
    words: list[str],
    log: Path | None = None,
    held: Sequence[int] = (),
    cwd: Path = ROOT,
) -> "subprocess.Popen[bytes]":
    """Start pytest; with `log` it talks to that file; it keeps the descriptors `held`, too."""
    output = (
        os.dup(2) if log is None else os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    )
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    # What pytest captures is lost when it is killed; its guard has something to say then.
    environment |= {shutdown.COMMAND: str(os.getpid()), shutdown.SAID_TO: str(output)}
    talks = None if log is None else output
    try:
        return shutdown.start(
            words, cwd=cwd, env=environment, stdout=talks, stderr=talks, pass_fds=(*held, output)
        )
    finally:
        os.close(output)


def wait(child: "subprocess.Popen[bytes]") -> int:
    """Wait for pytest, which is told by `stop` when it shall end, and puts the board in order.

    Raises:
        BenchError: it could not write its records, and has said why; or it was killed.
    """
    while True:
        try:
            code = child.wait()
        except KeyboardInterrupt:
            continue
        if code == UNRECORDED:
            raise BenchError("the run could not write its records: what it said last tells why")
        if code == -signal.SIGKILL:
            raise BenchError(
                "the run was killed (signal 9), and nothing of it could put anything in order; its"
                " guard switches the board off: look at who did it, and in the kernel's log for"
                " `Out of memory`; `rig report` and the run's folder make its pages"
            )
        return PYTEST_INTERRUPTED if shutdown.ended(code) else code


def told(folder: Path) -> tuple[int, str] | None:
    """Return exit code and text of the rig's own error in a run that failed; None: none."""
    if error := _read(folder / ERROR_FILE):
        return error
    if (folder / ON_FILE).exists():
        return BENCH, "the run has failed in this alone:"  # `ends` says what
    return None


def _read(path: Path) -> tuple[int, str] | None:
    try:
        error = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return _BY_ERROR.get(error["kind"], OURS), f"error ({error['who']} must act): {error['text']}"


def forget(folder: Path) -> None:
    """Remove what an earlier run in the same folder has told."""
    for name in (ERROR_FILE, ON_FILE):
        (folder / name).unlink(missing_ok=True)


def ends(folder: Path, code: int) -> int:
    """Return a command's exit code; its last line says when a board was left on.

    That is no good end, but it is worse news than none of the others: they keep their code.
    """
    left_on = _read(folder / ON_FILE)
    if left_on is None:
        return code
    sys.stdout.flush()
    sys.stderr.write(f"{left_on[1]}\n")
    return BENCH if code == GOOD else code

# SPDX-License-Identifier: MIT
"""The plug-in as a stranger's pytest meets it: quick, out of the way, and clear about bad marks."""

import json
import subprocess
import sys

import pytest

from rig.cli import pytest_run
from rig.run_end import ERROR_FILE

pytest_plugins = ["pytester"]
WORDS = ("-p", "no:labgrid", "-q")
CUT = """
import pytest

@pytest.mark.power_cut({arguments})
def test_mine({fixture}):
    pass
"""
KEY = "walnut1/test/1.0.0@0123456789ab/test_cut.py::test_mine@0123456789ab"


def ran(pytester: pytest.Pytester, text: str, *words: str) -> pytest.RunResult:
    pytester.makepyfile(test_cut=text)
    return pytester.runpytest_subprocess(*WORDS, *words)


def test_nothing_slow_is_loaded_in_every_run_of_pytest() -> None:
    slow = "{'labgrid', 'numpy', 'allure', 'sqlalchemy', 'matplotlib', 'pyvisa', 'requests'}"
    code = (
        f"import sys, rig.pytest_plugin.plugin; sys.exit(', '.join({slow} & set(sys.modules)) or 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_run_without_a_place_is_left_as_it_is(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LG_ENV", raising=False)
    text = """
        import signal

        def test_signals():
            assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL

        def test_fixtures(request):
            assert "place" not in request.fixturenames
    """
    ran(pytester, text).assert_outcomes(passed=2)


def test_a_test_of_a_board_without_a_place_says_what_names_one(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LG_ENV", raising=False)
    result = ran(pytester, "def test_mine(board): pass")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*UsageError: no place: --lg-env FILE, or LG_ENV, names one"])


@pytest.mark.parametrize(
    ("arguments", "cases"),
    [
        ('"cut@op:7/before"', ["cut@op:7/before"]),
        ('plan="cut@op:1..3/torn:seed=9"', [f"cut@op:{n}/torn:seed=9" for n in (1, 2, 3)]),
        ('plan="cut@op:1..2:seed=9"', [f"cut@op:{n}/torn:seed=9" for n in (1, 2)]),
        ('plan="cut@op:4..5"', ["cut@op:4/before", "cut@op:5/before"]),
        (
            'plans=["cut@op:2..3/after", "cut@op:3/after"]',
            ["cut@op:2/after", "cut@op:3/after"],
        ),
    ],
)
def test_each_cut_of_the_mark_is_a_case(
    pytester: pytest.Pytester, arguments: str, cases: list[str]
) -> None:
    text = CUT.format(arguments=arguments, fixture="board")
    result = ran(pytester, text, "--collect-only")
    found = [line for line in result.outlines if "::" in line]
    assert found == [f"test_cut.py::test_mine[{case}]" for case in cases]


@pytest.mark.parametrize(
    ("arguments", "fixture", "said"),
    [
        ('plan="cut@moon"', "board", "*'cut@moon' is not a fault plan*"),
        ('plan="none"', "board", "*'none' is no cut at a flash operation*"),
        ('plan="cut@op:9..3/after"', "board", "*a range goes up*"),
        ('plan="cut@op:1..3/torn"', "board", "*a torn cut needs a seed*"),
        ('plan="cut@op:1..3/after:seed=1"', "board", "*only a torn operation has a seed*"),
        ("", "board", '*the mark power_cut takes plan="…"*'),
        ("plan=7", "board", '*the mark power_cut takes plan="…"*'),
        ('plan="cut@op:1/after", when="now"', "board", '*the mark power_cut takes plan="…"*'),
        ('plan="cut@op:1/after"', "", "*power_cut needs the fixture `board`*"),
    ],
)
def test_a_bad_mark_is_named_before_anything_moves(
    pytester: pytest.Pytester, arguments: str, fixture: str, said: str
) -> None:
    result = ran(pytester, CUT.format(arguments=arguments, fixture=fixture))
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([said])
    assert "Traceback" not in result.stdout.str()
    assert "pluggy" not in result.stdout.str()


def test_a_test_that_pytest_would_have_to_await_is_refused(pytester: pytest.Pytester) -> None:
    """Else its body is never run, and the cut never comes."""
    text = CUT.format(arguments='"cut@op:1/after"', fixture="board").replace("def", "async def")
    result = ran(pytester, text)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*power_cut takes no `async def`*"])


def test_progress_is_told_where_nothing_is_captured(pytester: pytest.Pytester) -> None:
    text = 'def test_mine(progress): progress("half done")'
    result = ran(pytester, text, "-p", "no:capture")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*half done*"])


@pytest.mark.parametrize(
    ("tests", "kind"),
    [
        ("def test_a(): assert 1 == 2", "BoardError"),
        ("def test_a(): pytest.fail('it blinks')", "BoardError"),
        ("def test_a(): raise pexpect.TIMEOUT('no word')", "BoardError"),
        ("def test_a(): raise ExecutionError('exit 1')", "BoardError"),
        ("def test_a(): open('/no/such/file')", "UsageError"),
        ("def test_a(): None.x", "UsageError"),
        ("def test_a(): raise BenchError('a cable')", "BenchError"),
        ("def test_a(): assert 0\ndef test_b(): None.x", "BoardError"),
        ("def test_a(): None.x\ndef test_b(): raise BenchError('a cable')", "BenchError"),
        ("def test_a(): None.x\ndef test_b(): assert 0", "BoardError"),
        ("def test_a(no_such_fixture): pass", "UsageError"),
        ("import no_such_module", "UsageError"),
    ],
)
def test_the_worst_error_of_a_run_is_left_and_is_blamed_on_whose_it_is(
    pytester: pytest.Pytester, tests: str, kind: str
) -> None:
    heads = ("import pexpect, pytest", "from rig.errors import BenchError")
    text = "\n".join([*heads, "from labgrid.driver import ExecutionError", tests])
    ran(pytester, text, "--rig-own-tests", f"--rig-report={pytester.path}")
    left = json.loads((pytester.path / ERROR_FILE).read_text())
    assert left["kind"] == kind


def test_a_run_on_a_board_has_one_process_whatever_its_settings_say(
    pytester: pytest.Pytester,
) -> None:
    """Each would open the place for itself (pytest-dev/pytest-xdist#271)."""
    pytester.makeini("[pytest]\naddopts = -n 2")
    pytester.makepyfile(test_cut="def test_a(worker_id): assert worker_id == 'master'")
    words = pytest_run.own_command(["test_cut.py"], pytester.path, pytester.path)
    words = [word for word in words if not word.startswith("--lg-env")]  # labgrid's own option
    pytester.run(*words, "-p", "no:labgrid").assert_outcomes(passed=1)


def test_a_key_keeps_the_one_case_that_it_names(pytester: pytest.Pytester) -> None:
    text = CUT.format(arguments='plan="cut@op:1..9/after"', fixture="board")
    text += "\n\ndef test_other(): pass\n"
    result = ran(pytester, text, f"--rig-key={KEY}/cut@op:7/after", "--collect-only")
    assert [line for line in result.outlines if "::" in line] == [
        "test_cut.py::test_mine[cut@op:7/after]"
    ]


def test_a_key_of_no_test_here_is_an_error(pytester: pytest.Pytester) -> None:
    text = CUT.format(arguments='plan="cut@op:1..9/after"', fixture="board")
    result = ran(pytester, text, f"--rig-key={KEY}/cut@op:70/after")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*no test here is that of the key*"])

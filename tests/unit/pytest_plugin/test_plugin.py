# SPDX-License-Identifier: MIT
"""The plug-in as a stranger's pytest meets it: quick, out of the way, and clear about bad marks."""

import subprocess
import sys

import pytest

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

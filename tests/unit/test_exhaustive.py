# SPDX-License-Identifier: MIT
"""Whoever adds a fault plan, a reset or an outcome is shown every place that must know of it."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.faults import plan

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "rig").rglob("*.py"))
# What is added to which module, and where that must not pass unseen.
PLAN = "Plan: TypeAlias = NoFault | Cut | BadBundlePlan"
ADDED = {
    "rig/faults/plan.py": {
        PLAN: f"class Added: ...\n\n\n{PLAN} | Added",
        '    before = "before"\n': '    before = "before"\n    added_kind = "added"\n',
    },
    "rig/faults/outcome.py": {
        '    new = "new"\n': '    new = "new"\n    added_outcome = "added"\n',
    },
    "rig/faults/expectations.py": {
        '    differs = "differs"\n': '    differs = ""\n    added_verdict = "added"\n'
    },
    "rig/campaign/reset.py": {'    os = "os"\n': '    os = "os"\n    added_reset = "added"\n'},
    "rig/drivers/strategy.py": {
        '    off = "off"\n': '    off = "off"\n    added_status = "added"\n'
    },
    "rig/sweep/key.py": {'Literal["upgrade", ': 'Literal["added_exercise", "upgrade", '},
    "rig/virtual/flash/cells.py": {
        '    torn = "TORN"\n': '    torn = ""\n    added_cut = "added"\n'
    },
}
SEEN = {
    "Added": {
        "rig/campaign/cutter.py",
        "rig/faults/plan.py",
        "rig/campaign/injector.py",
        "rig/cli/replay.py",
    },
    "Kind.added_kind": {"rig/faults/plan.py"},
    "Outcome.added_outcome": {"rig/faults/outcome.py"},
    "PairVerdict.added_verdict": {"rig/faults/expectations.py"},
    "Reset.added_reset": {"rig/campaign/injector.py", "rig/campaign/reset.py"},
    "Status.added_status": {"rig/drivers/strategy.py"},
    "added_exercise": {"rig/sweep/exercise.py"},
    "CutKind.added_cut": {"rig/virtual/flash/cells.py"},
}
MISSED = re.compile(
    r'^(\S+?):\d+: error: Argument 1 to "assert_never" .* "(?:Literal\[)?(.*?)\]?";'
)


def mypy(*options: str) -> str:
    """Check the modules that take such a value apart; those that do not are not looked into."""
    using = [
        str(path.relative_to(ROOT))
        for path in SOURCES
        if re.search(r"assert_never|rig\.faults", path.read_text())
    ]
    command = [sys.executable, "-m", "mypy", "--config-file=", "--no-error-summary"]
    command += ["--follow-imports=skip", "--explicit-package-bases", "--ignore-missing-imports"]
    done = subprocess.run(
        [*command, "--cache-dir=/dev/null", *options, *using],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.stderr == ""
    return done.stdout


def test_what_is_added_is_missed_nowhere_without_a_word(tmp_path: Path) -> None:
    options = []
    for number, (name, changes) in enumerate(ADDED.items()):
        text = (ROOT / name).read_text()
        for old, new in changes.items():
            assert text.count(old) == 1, f"{name} no longer has {old!r} once"
            text = text.replace(old, new)
        shadow = tmp_path / f"{number}.py"
        shadow.write_text(text)
        options += ["--shadow-file", name, str(shadow)]

    said = mypy(*options)

    missed: dict[str, set[str]] = {}
    for found in filter(None, map(MISSED.match, said.splitlines())):
        missed.setdefault(found[2].strip("'"), set()).add(found[1])
    assert {name: files - missed.get(name, set()) for name, files in SEEN.items()} == {
        name: set() for name in SEEN
    }, said


def test_nothing_is_missed_as_it_is() -> None:
    """The partner: it is what was added that is seen above."""
    assert mypy() == ""


PLANS = {kind.__name__ for kind in (plan.NoFault, plan.CutAtOperation, plan.CutAtMark)}
PLANS |= {plan.BadBundlePlan.__name__}


def unguarded(tree: ast.AST) -> Iterator[int]:
    """Give the lines that ask for a class of plan otherwise than to refuse all others."""
    guards = {
        id(node.test.operand)
        for node in ast.walk(tree)
        if isinstance(node, ast.If)
        and isinstance(node.test, ast.UnaryOp)
        and isinstance(node.body[0], ast.Raise)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "isinstance":
            names = {item.id for item in ast.walk(node.args[1]) if isinstance(item, ast.Name)}
            if names & PLANS and id(node) not in guards:
                yield node.lineno


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("if isinstance(plan, CutAtMark):\n    cut()", [1]),
        ("x = len(plan.cuts) if isinstance(plan, CutAtOperation | CutAtMark) else 1", [1]),
        ("if not isinstance(plan, CutAtMark):\n    raise UsageError", []),
        ("isinstance(release, Release)", []),
    ],
)
def test_an_open_question_for_a_class_of_plan_is_found(text: str, lines: list[int]) -> None:
    assert list(unguarded(ast.parse(text))) == lines


def test_no_class_of_plan_falls_through() -> None:
    found = {
        str(path.relative_to(ROOT)): list(unguarded(ast.parse(path.read_text())))
        for path in SOURCES
    }
    assert {name: lines for name, lines in found.items() if lines} == {}

# SPDX-License-Identifier: MIT
"""The mark `power_cut`: a test runs once for each cut, and judges the board that comes back.

Docs: docs/how-to/write-your-own-test.md.
"""

import inspect
from pathlib import Path
from typing import Any

import pytest

from rig.errors import BenchError, UsageError
from rig.faults import plan as plans

NAME = "power_cut"
MARK = (
    f"{NAME}(plan, plans=[…]): run the test once for each of these cuts"
    ' ("cut@op:1..60/torn:seed=3"): the power goes in what comes after board.after_cut(check),'
    " and check judges the board that comes back"
)
CUT = "rig_cut"  # the case's plan, as a parameter


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make a case of each cut of the mark."""
    mark = metafunc.definition.get_closest_marker(NAME)
    if mark is None:
        return
    try:
        found = _cuts(mark)
    except UsageError as error:
        raise pytest.Collector.CollectError(f"{metafunc.definition.nodeid}: {error}") from error
    if "board" not in metafunc.fixturenames:
        where = metafunc.definition.nodeid
        raise pytest.Collector.CollectError(f"{where}: {NAME} needs the fixture `board`")
    if inspect.iscoroutinefunction(metafunc.function):
        where = metafunc.definition.nodeid
        raise pytest.Collector.CollectError(f"{where}: {NAME} takes no `async def`")
    metafunc.fixturenames.append(CUT)
    metafunc.parametrize(CUT, found, ids=str)


def _cuts(mark: pytest.Mark) -> list[plans.CutAtOperation]:
    texts: list[str] = [*mark.args, *mark.kwargs.get("plans", ())]
    texts += [mark.kwargs["plan"]] if "plan" in mark.kwargs else []
    unknown = set(mark.kwargs) - {"plan", "plans"}
    if unknown or not texts or not all(isinstance(text, str) for text in texts):
        raise UsageError(f'the mark {NAME} takes plan="…" or plans=["…", …]')
    cuts = [cut for text in texts for cut in plans.parse_cuts(text)]
    return list(dict.fromkeys(cuts))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With --rig-key keep the one case that the key names."""
    key = config.getoption("rig_key")
    if "/test/" not in key:
        return
    _, _, _, test, plan = key.split("/", 4)
    name = test.rpartition("@")[0]
    kept = [
        item
        for item in items
        if str(_plan(item)) == plan and name == f"{item.path.name}::{_function(item)}"
    ]
    if not kept:
        raise pytest.UsageError(f"no test here is that of the key {key}")
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept


def _plan(item: pytest.Item) -> object:
    return getattr(item, "callspec", None) and item.callspec.params.get(CUT)  # type: ignore[attr-defined]


def _function(item: pytest.Item) -> str:
    return str(getattr(item, "originalname", item.name))


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run the body of a test that is cut; others are pytest's own business."""
    plan: Any = _plan(pyfuncitem)
    if plan is None:
        return None
    _run_cut(pyfuncitem, plan)
    return True


def _run_cut(item: pytest.Function, plan: plans.CutAtOperation) -> None:
    from rig.campaign import body_cut  # noqa: PLC0415 # labgrid is slow to import

    used: dict[str, Any] = item.funcargs
    board = used["board"]
    place = board.place
    release = place.catalogue.release(item.config.getoption("rig_from"))
    key = body_cut.TestKey.of(release, Path(item.path), _function(item), plan)
    _check_key(str(key), item.config.getoption("rig_key"))
    item.user_properties.append(("rig key", str(key)))
    names = item._fixtureinfo.argnames  # noqa: SLF001 # as pytest's own pytest_pyfunc_call does
    words = {name: used[name] for name in names}
    result = body_cut.run(board, release, plan, item.name, lambda: item.obj(**words))
    result.notes.append(f"key {key}")
    used["records"].add_step(result)
    used["progress"](
        f"{item.name}: {result.outcome.value}{f', {result.error}' if result.error else ''}"
    )
    if result.outcome.value == "bench":
        raise BenchError(result.error or "the bench failed")
    if not result.outcome.good:
        pytest.fail(
            f"{result.outcome.value} after {plan}: {result.error}\nmake it again: rig test"
            f" {Path(item.path).name} --key '{key}'",
            pytrace=False,
        )


def _check_key(found: str, wanted: str) -> None:
    if "/test/" in wanted and found != wanted:
        raise UsageError(
            f"the key {wanted} was made with another release or another text of the test; as they"
            f" are now it is {found}"
        )

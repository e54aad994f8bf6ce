# SPDX-License-Identifier: MIT
"""Fixtures of tests on a board, and what is left behind when the run ends.

What is slow to import is imported when it is first used: pytest loads this in every run.
"""

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from rig import secrecy
from rig.errors import UsageError
from rig.run_end import RECORD_TO, new_folder

if TYPE_CHECKING:
    from rig.campaign.board import Board
    from rig.campaign.campaign import Campaign
    from rig.campaign.own_event import Watch
    from rig.drivers.console_log import ConsoleLog
    from rig.place.place import Place
    from rig.records.run import Results


@pytest.fixture(scope="session")
def run_folder(pytestconfig: pytest.Config) -> Path:
    """Name the folder of this run's records: --rig-report, or reports/TIME below pytest's root."""
    chosen = pytestconfig.getoption("rig_report")
    path: Path = (chosen or new_folder(pytestconfig.rootpath / "reports")).resolve()
    path.mkdir(parents=True, exist_ok=True)
    return path


@pytest.fixture(scope="session")
def progress(pytestconfig: pytest.Config) -> Callable[[str], None]:
    """Tell whoever watches a line at once, whatever pytest captures."""
    capture = pytestconfig.pluginmanager.getplugin("capturemanager")
    terminal = pytestconfig.pluginmanager.getplugin("terminalreporter")

    def tell(text: str) -> None:
        aside = capture.global_and_fixture_disabled() if capture else contextlib.nullcontext()
        with aside, contextlib.suppress(BrokenPipeError):
            terminal.ensure_newline()
            terminal.write_line(text)

    return tell


@pytest.fixture(scope="session")
def records(
    pytestconfig: pytest.Config, run_folder: Path, request: pytest.FixtureRequest
) -> "Iterator[Results]":
    """Keep steps, instruments and attachments of this run: results.sqlite in its folder."""
    from rig.records.run import Results  # noqa: PLC0415

    path = run_folder / "results.sqlite"
    command = " ".join(pytestconfig.invocation_params.args)
    place = _place_file(pytestconfig).stem
    copy_to = os.environ.get(RECORD_TO, "")
    results = Results.create(path, place=place, command=command, copy_to=copy_to)
    yield results
    interrupted = getattr(request.session, "shouldstop", False) or request.session.exitstatus == 2
    try:
        results.finish("interrupted" if interrupted else "complete")
    finally:
        results.close()


@pytest.fixture(scope="session")
def place(pytestconfig: pytest.Config) -> "Iterator[Place]":
    """Open the place file (--lg-env FILE, or LG_ENV): drivers, instruments, catalogue.

    When the run ends the board is off.
    """
    from rig.place.place import Place  # noqa: PLC0415

    # Not by labgrid's `env`, which ends pytest when the file is not ours.
    with Place.open(_place_file(pytestconfig)) as place:
        yield place


def _place_file(config: pytest.Config) -> Path:
    path = _named(config)
    if not path:
        raise UsageError("no place: --lg-env FILE, or LG_ENV, names one")
    return Path(path)


def _named(config: pytest.Config) -> str:
    return config.getoption("lg_env", None) or os.environ.get("LG_ENV", "")


@pytest.fixture(scope="session")
def console_log(place: "Place") -> "Iterator[ConsoleLog]":
    """Record what the board's console says, time-stamped: console_log.to(FILE)."""
    with place.console_log() as log:
        yield log


@pytest.fixture(scope="session")
def campaign(
    place: "Place",
    records: "Results",
    run_folder: Path,
    progress: Callable[[str], None],
    console_log: "ConsoleLog",
    pytestconfig: pytest.Config,
) -> "Iterator[Campaign]":
    """Move the board by steps that are watched and recorded: campaign.upgrade("up", "2.0.0").

    The board is brought to the release --rig-from (programmed, where the place can), and then
    watched undisturbed for five seconds.
    """
    from rig.campaign.campaign import Campaign  # noqa: PLC0415

    console_log.to(run_folder / "console" / "start.log")
    rate_hz = pytestconfig.getoption("rig_rate")
    required = pytestconfig.getoption("rig_require_verified")
    with Campaign(
        place, records, run_folder, progress, rate_hz, require_verified=required
    ) as campaign:
        campaign.start(pytestconfig.getoption("rig_from"))
        yield campaign


@pytest.fixture
def watch(campaign: "Campaign") -> "Watch":
    """Measure what you do to the service: with watch.event("mine") as e: …; e.outage.traffic."""
    from rig.campaign.own_event import Watch  # noqa: PLC0415

    return Watch(campaign)


@pytest.fixture
def board(place: "Place", records: "Results", progress: Callable[[str], None]) -> "Board":
    """Use the board: board.run("uname -r"), .boot(), .reboot(), .off(), .after_cut(check).

    Its parts are board.power, board.console and board.shell, labgrid's drivers of the place.
    """
    del records, progress  # a run that has used a board has both
    from rig.campaign.board import Board  # noqa: PLC0415

    return Board(place)


@pytest.fixture
def interposer(place: "Place") -> Any:
    """Use the instrument at the board's flash: interposer.count(), .sha256(), .read(offset, n)."""
    return place.need("interposer")


@pytest.fixture(autouse=True)
def _console_of_this_test(request: pytest.FixtureRequest) -> Iterator[None]:
    """Keep the board's console, time-stamped, for each test that moves the board of the place."""
    moves = {"board", "campaign"} & set(request.fixturenames)  # `watch` needs a campaign
    if not moves or not _named(request.config):
        yield
        return
    import allure  # noqa: PLC0415

    place = request.getfixturevalue("place")
    console = request.getfixturevalue("console_log")
    folder = request.getfixturevalue("run_folder")
    name = "".join(
        letter if letter.isalnum() or letter in "._-" else "_" for letter in request.node.name
    )
    path = folder / "console" / f"{name}.log"
    if "campaign" in request.fixturenames:  # its start has a log of its own
        request.getfixturevalue("campaign")
    console.to(path)
    allure.dynamic.label("host", place.name)
    yield
    console.to(None)
    if console.lost:
        request.getfixturevalue("progress")(f"the console log was lost: {console.lost}")
    if path.exists():
        allure.attach.file(str(path), "console", allure.attachment_type.TEXT)


@pytest.fixture(scope="session", autouse=True)
def _allure_steps(request: pytest.FixtureRequest) -> Iterator[None]:
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

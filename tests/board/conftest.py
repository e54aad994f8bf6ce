# SPDX-License-Identifier: MIT
"""The place under test, its campaign, and what is left behind when the run ends."""

import contextlib
import datetime as dt
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import allure
import pytest

from rig.campaign.campaign import Campaign
from rig.cli.pytest_run import RECORD_TO
from rig.errors import UsageError
from rig.place.place import Place
from rig.records.run import Results

REPORTS = Path(__file__).resolve().parents[2] / "reports"


@pytest.fixture(scope="session")
def folder(pytestconfig: pytest.Config) -> Path:
    """Return where this run's records go."""
    chosen = pytestconfig.getoption("rig_report")
    stamp = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H%M%SZ")
    path: Path = (chosen or REPORTS / stamp).resolve()
    path.mkdir(parents=True, exist_ok=True)
    return path


@pytest.fixture(scope="session")
def say(pytestconfig: pytest.Config) -> Callable[[str], None]:
    """Print a line of progress now, whatever pytest captures; nobody need read it."""
    capture = pytestconfig.pluginmanager.getplugin("capturemanager")
    terminal = pytestconfig.pluginmanager.getplugin("terminalreporter")

    def tell(text: str) -> None:
        with capture.global_and_fixture_disabled(), contextlib.suppress(BrokenPipeError):
            terminal.ensure_newline()
            terminal.write_line(text)

    return tell


@pytest.fixture(scope="session")
def results(
    pytestconfig: pytest.Config, folder: Path, request: pytest.FixtureRequest
) -> Iterator[Results]:
    path = folder / "results.sqlite"
    command = " ".join(pytestconfig.invocation_params.args)
    place = Path(str(pytestconfig.getoption("lg_env"))).stem
    copy_to = os.environ.get(RECORD_TO, "")
    results = Results.create(path, place=place, command=command, copy_to=copy_to)
    yield results
    interrupted = getattr(request.session, "shouldstop", False) or request.session.exitstatus == 2
    try:
        results.finish("interrupted" if interrupted else "complete")
    finally:
        results.close()


@pytest.fixture(scope="session")
def place(pytestconfig: pytest.Config) -> Iterator[Place]:
    """Open the place of --lg-env; not by labgrid's `env`, which ends pytest when it is not ours."""
    path = pytestconfig.getoption("lg_env") or os.environ.get("LG_ENV")
    if not path:
        raise UsageError("no place: --lg-env FILE, or LG_ENV, names one")
    with Place.open(Path(path)) as place:
        yield place


@pytest.fixture(scope="session")
def console(place: Place) -> Iterator[Any]:
    with place.console_log() as log:
        yield log


@pytest.fixture(scope="session")
def campaign(
    place: Place,
    results: Results,
    folder: Path,
    say: Callable[[str], None],
    console: Any,
    pytestconfig: pytest.Config,
) -> Iterator[Campaign]:
    """Start on a freshly programmed board that is then watched undisturbed."""
    console.to(folder / "console" / "start.log")
    rate_hz = pytestconfig.getoption("rig_rate")
    required = pytestconfig.getoption("rig_require_verified")
    with Campaign(place, results, folder, say, rate_hz, require_verified=required) as campaign:
        campaign.start(pytestconfig.getoption("rig_from"))
        yield campaign


@pytest.fixture(autouse=True)
def console_of_this_test(request: pytest.FixtureRequest) -> Iterator[None]:
    """Keep the board's console, time-stamped, for each test that moves one board's steps."""
    if "campaign" not in request.fixturenames:
        yield
        return
    campaign: Campaign = request.getfixturevalue("campaign")
    console = request.getfixturevalue("console")
    folder = request.getfixturevalue("folder")
    name = "".join(
        letter if letter.isalnum() or letter in "._-" else "_" for letter in request.node.name
    )
    path = folder / "console" / f"{name}.log"
    console.to(path)
    allure.dynamic.label("host", campaign.place.name)
    yield
    console.to(None)
    if console.lost:
        campaign.say(f"the console log was lost: {console.lost}")
    if path.exists():
        allure.attach.file(str(path), "console", allure.attachment_type.TEXT)

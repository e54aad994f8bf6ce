# SPDX-License-Identifier: MIT
"""What pytest loads once the rig is installed (entry point `pytest11`): options, mark, fixtures.

It is loaded in every run of pytest in that environment, so nothing slow is imported here, and a
run without a place is left as it is.
"""

import contextlib
import os
from pathlib import Path

import pytest

from rig import secrecy, shutdown
from rig.pytest_plugin import fixtures, power_cuts, run_hooks

PLACE = "LG_ENV"  # environment: labgrid's name for the place file


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("rig", "Walnut rig")
    group.addoption("--rig-report", type=Path, help="folder that the run's records go to")
    group.addoption("--rig-from", default="1.0.0", help="release that a board starts from")
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
    group.addoption(
        "--rig-own-tests", action="store_true", help="what a test stumbles over is its author's"
    )
    group.addoption("--rig-key", default="", help="key of a cut that is made again")


def pytest_configure(config: pytest.Config) -> None:
    """Offer mark and fixtures; where there is a place, be heard and end in good order, too.

    That is when a service manager or a lost session ends the run, and when the command that started
    it was killed: nobody waits for the run any more.
    """
    config.addinivalue_line("markers", power_cuts.MARK)
    config.pluginmanager.register(power_cuts, "rig-power-cuts")
    config.pluginmanager.register(fixtures, "rig-fixtures")
    has_place = config.getoption("lg_env", None) or os.environ.get(PLACE)
    if not has_place and not config.getoption("rig_report"):
        return
    config.pluginmanager.register(run_hooks, "rig-run-hooks")
    secrecy.in_logs()
    stack = contextlib.ExitStack()
    stack.enter_context(shutdown.once())
    shutdown.with_command()
    config.add_cleanup(stack.close)

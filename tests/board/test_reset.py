# SPDX-License-Identifier: MIT
"""`rig reset`: the service's process, the system and the power, again and again (RFC 6201)."""

import json
from typing import Any

import pytest

from rig.campaign.campaign import Campaign
from rig.campaign.reset import Reset
from rig.faults.outcome import Outcome

pytestmark = pytest.mark.timeout(900)


def settings(config: pytest.Config) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(config.getoption("rig_resets"))
    return found


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    chosen = settings(metafunc.config)
    trials = range(1, chosen.get("trials", 0) + 1)
    cases = [(Reset(what), trial) for what in chosen.get("what", ()) for trial in trials]
    names = [f"{what.value}{trial}" for what, trial in cases]
    metafunc.parametrize(("what", "trial"), cases, ids=names)


def test_the_same_release_comes_back(
    campaign: Campaign, what: Reset, trial: int, pytestconfig: pytest.Config
) -> None:
    chosen = settings(pytestconfig)
    release = pytestconfig.getoption("rig_from")
    campaign.need(release)
    step = campaign.reset(f"{what.value} reset {trial}", what, chosen["off_s"], chosen["steady_s"])
    assert (step.outcome, step.to_release) == (Outcome.old, release), step.error
    assert step.steady_s is not None, "nobody recorded how good the service was before"

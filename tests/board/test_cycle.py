# SPDX-License-Identifier: MIT
"""`rig cycle`: upgrade and downgrade, again and again, under one fault plan."""

import pytest

from rig.campaign.campaign import Campaign
from rig.faults.outcome import Outcome

pytestmark = pytest.mark.timeout(900)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    count = metafunc.config.getoption("rig_cycles")
    metafunc.parametrize("cycle", range(1, count + 1), ids=lambda number: f"cycle{number}")


def test_up_and_down_again(campaign: Campaign, cycle: int, pytestconfig: pytest.Config) -> None:
    old, new = pytestconfig.getoption("rig_from"), pytestconfig.getoption("rig_to")
    fault = pytestconfig.getoption("rig_fault")
    campaign.results.begin_cycle(f"cycle {cycle}")
    campaign.need(old)
    step = campaign.upgrade(f"cycle {cycle} up", new, fault)
    assert step.outcome.good, step.error
    if step.to_release != new:
        assert fault != "none", f"the upgrade ended on {step.to_release}: {step.ended_on}"
        step = campaign.upgrade(f"cycle {cycle} up, finished", new)
        assert step.outcome is Outcome.new
    step = campaign.upgrade(f"cycle {cycle} down", old)
    assert (step.outcome, step.to_release) == (Outcome.new, old)

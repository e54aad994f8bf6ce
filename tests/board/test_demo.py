# SPDX-License-Identifier: MIT
"""`make demo`: what the rig can do, in the order in which a visitor wants to see it."""

import pytest

from rig.campaign.campaign import Campaign
from rig.faults.outcome import Outcome

pytestmark = pytest.mark.timeout(300)

OLD, NEW = "1.0.0", "2.0.0"
CUT = "cut@op:700/torn:seed=1"
CUT_BY_CLOCK = "cut@mark:staging.write:40%+0.120s"  # where nothing counts flash operations


def test_a_power_reset_brings_the_same_release_back(campaign: Campaign) -> None:
    campaign.need(OLD)
    step = campaign.reset("power reset")
    assert (step.outcome, step.to_release) == (Outcome.old, OLD)


def test_an_upgrade_leads_to_the_new_release(campaign: Campaign) -> None:
    campaign.need(OLD)
    step = campaign.upgrade("upgrade", NEW)
    assert (step.outcome, step.to_release) == (Outcome.new, NEW)


def test_a_downgrade_leads_to_the_old_release(campaign: Campaign) -> None:
    campaign.need(NEW)
    step = campaign.upgrade("downgrade", OLD)
    assert (step.outcome, step.to_release) == (Outcome.new, OLD)


def test_a_power_cut_in_the_slot_write_does_no_harm(campaign: Campaign) -> None:
    campaign.need(OLD)
    counted = campaign.place.interposer is not None
    cut = CUT if counted else CUT_BY_CLOCK
    step = campaign.upgrade("upgrade, power cut in mid-flash", NEW, cut)
    assert step.outcome.good, step.error
    assert step.ended_on == "cut", "the cut was not made"
    if counted:
        slot = campaign.place.flash_map.at(step.cut.offset).name
        assert slot == "slot-b", f"the cut fell into {slot}, not into the slot that was written"


def test_after_the_cut_the_upgrade_can_be_finished(campaign: Campaign) -> None:
    campaign.need(OLD)
    step = campaign.upgrade("upgrade, finished after the cut", NEW)
    assert (step.outcome, step.to_release) == (Outcome.new, NEW)


def test_a_mismatched_kernel_is_refused_without_loss(campaign: Campaign) -> None:
    campaign.need(NEW)
    step = campaign.upgrade("mismatched kernel", NEW, "bundle:mismatched-kernel")
    assert (step.outcome, step.to_release) == (Outcome.old, NEW)
    assert step.upgrade is not None
    assert step.upgrade.refused == campaign.place.catalogue.bundle("mismatched-kernel").expect
    assert step.outages is not None
    assert step.outages.loss_frames == 0, "a refused bundle must not cost a single datagram"

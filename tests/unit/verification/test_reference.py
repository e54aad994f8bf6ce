# SPDX-License-Identifier: MIT
"""A generator in the board's place: the counter's formula holds for what it makes."""

import itertools

import numpy as np
import pytest

from rig.clock import SystemClock
from rig.errors import UsageError
from rig.instruments import make
from rig.outage.estimate import View, counter_outage
from rig.outage.gaps import longest_gap
from rig.outage.observers import HEARTBEAT_S
from rig.verification.interruptions import Settings, lengths
from rig.verification.reference import BEATS, GeneratorReference
from rig.virtual.instruments.generator import Generator
from tests.unit.helpers.served import Served

CLOCK = SystemClock()


def test_the_counters_intervals_cover_what_the_generator_made() -> None:
    """Lengths of all phases to the last pulse, and a crystal that is 1 ppm fast."""
    virtual = Generator(time_base=-1e-6)
    errors, covered = [], 0
    view = View(name="outage", source="simulated", period_s=HEARTBEAT_S, floor_s=HEARTBEAT_S)
    with Served(virtual) as source:
        reference = GeneratorReference(make("keysight_33500b", source.link, CLOCK), CLOCK, seed=1)
        for length_s in np.geomspace(0.021, 5.0, 60):
            reference.arm(float(length_s))
            edges = np.array(list(itertools.islice(virtual.edges(), BEATS + 50)))
            gap = longest_gap(edges)
            found = counter_outage(gap, view, longest_s=gap.length_s, taken_at_s=0.0)
            truth = reference.truth("counter")
            assert truth.value == pytest.approx(length_s, abs=1e-6)
            errors.append(found.value - truth.value)
            covered += abs(errors[-1]) <= found.uncertainty
    assert covered >= 0.95 * 60
    assert np.std(errors) == pytest.approx(HEARTBEAT_S / 12**0.5, rel=0.2), "phases were tried"


def test_every_length_of_the_default_set_can_be_made() -> None:
    """The longest is 20 s and what is drawn for the phase comes to it."""
    with Served(Generator()) as source:
        reference = GeneratorReference(make("keysight_33500b", source.link, CLOCK), CLOCK, seed=1)
        for length_s in lengths(Settings()):
            reference.arm(length_s)
            assert reference.truth("counter").value == pytest.approx(length_s, abs=1e-6)


def test_a_generator_knows_nothing_of_traffic() -> None:
    with Served(Generator()) as source:
        reference = GeneratorReference(make("keysight_33500b", source.link, CLOCK), CLOCK, seed=1)
        reference.arm(0.1)
        with pytest.raises(UsageError, match="traffic"):
            reference.truth("traffic")

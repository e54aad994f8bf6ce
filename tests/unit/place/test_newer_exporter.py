# SPDX-License-Identifier: MIT
"""A place is used as far as labgrid here knows it, whatever its exporter is, or has become."""

import os
import signal
from pathlib import Path

import pytest

from rig.cli import main
from rig.clock import Deadline, SystemClock
from rig.place.place import Place
from tests.unit.helpers.guarded import PROMISE_S, Run
from tests.unit.helpers.lab import LIMIT_S, Lab, lab, lent_place_file
from tests.unit.helpers.plug import Plug

pytestmark = pytest.mark.usefixtures("own_state")

NEWER = ", linesep: crlf, login: 's3cret'"


def test_attributes_that_labgrid_here_does_not_know_are_left_out(
    outlet: Plug,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """By doctor and campaign alike; labgrid itself fails when it first activates something."""
    with lab(tmp_path, outlet, monkeypatch, NEWER):
        path = lent_place_file(tmp_path, outlet)
        main(["doctor", "--place", str(path)])
        looked = capsys.readouterr()
        with Place.open(path) as place:
            place.strategy.target.activate(place.power)
            place.power.on()
            assert outlet.on
        assert not outlet.on

    assert f"ok   the PDU (shelly_gen2 at {outlet.url}, outlet 0) answers" in looked.out, looked
    assert "NetworkPowerPort is newer than labgrid here: left out linesep, login" in caplog.text
    assert "s3cret" not in looked.out + looked.err + caplog.text


def test_a_resource_that_labgrid_here_does_not_know_is_named(
    outlet: Plug,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    more = "}\n  NetworkFluxCapacitor: {host: 127.0.0.1"
    with lab(tmp_path, outlet, monkeypatch, more):
        path = str(lent_place_file(tmp_path, outlet))
        assert main(["doctor", "--place", path]) == 3
        assert "unknown resource class NetworkFluxCapacitor" in capsys.readouterr().out
        assert main(["rescue", "--place", path]) == 2
        assert "unknown resource class NetworkFluxCapacitor" in capsys.readouterr().err


def end_exporter(made: Lab) -> None:
    """End it, and wait until the coordinator knows."""
    made.end_exporter()
    clock = SystemClock()
    deadline = Deadline.after(clock, LIMIT_S)
    while "NetworkPowerPort" in made.client("resources"):
        assert not deadline.passed
        clock.sleep(0.2)


def test_a_plug_whose_exporter_is_gone_is_tried_where_it_was(
    outlet: Plug, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plug needs none; labgrid itself ends with KeyError: 'params'."""
    with (
        lab(tmp_path, outlet, monkeypatch) as made,
        Place.open(lent_place_file(tmp_path, outlet)) as place,
    ):
        target = place.strategy.target
        target.activate(place.power)
        place.power.on()
        end_exporter(made)

        target.deactivate(place.power)
        place.power.before(False)
        target.activate(place.power)
        place.power.off()
        assert not outlet.on


def test_a_guard_switches_off_at_a_plug_whose_exporter_is_gone(
    outlet: Plug, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with lab(tmp_path, outlet, monkeypatch) as made:
        run = Run(lent_place_file(tmp_path, outlet))
        with run.process:
            assert outlet.on
            end_exporter(made)
            os.killpg(run.process.pid, signal.SIGKILL)
            assert outlet.wait_for(on=False, limit_s=PROMISE_S)
            assert "the board is off" in run.said()

# SPDX-License-Identifier: MIT
"""A library that complains at run time has not failed, nor has what it speaks to."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rig.cli import pytest_run
from tests.unit.helpers.plug import ROOT, Plug, place_file

pytestmark = pytest.mark.usefixtures("own_state")

LIBRARY = """
import gc
import socket
import threading
import warnings

import attr
from labgrid.factory import target_factory

from rig.drivers.power import CheckedPowerDriver


class Torn:
    def __del__(self):
        raise ValueError("torn down too late")


def die():
    raise ValueError("a thread has died")


def complain(when):
    warnings.warn(f"deprecated {when}", DeprecationWarning, stacklevel=1)
    warnings.warn(f"to be deprecated {when}", PendingDeprecationWarning, stacklevel=1)
    warnings.warn(f"odd {when}", UserWarning, stacklevel=1)
    socket.socket()  # never closed: ResourceWarning
    Torn()
    gc.collect()
    thread = threading.Thread(target=die)
    thread.start()
    thread.join()


complain("at import")


@target_factory.reg_driver
@attr.s(eq=False)
class LoudPowerDriver(CheckedPowerDriver):
    def on_activate(self):
        complain("at activation")
        super().on_activate()

    def _read(self):
        complain("when it reads")
        return super()._read()

    def _switch(self, *, on):
        complain("in a step")
        super()._switch(on=on)
"""
STEP = """
def test_a_step(place):
    place.strategy.target.activate(place.power)
    place.power.on()
    assert place.power.get()
    place.power.off()
"""
WHEN = ("at import", "at activation", "when it reads", "in a step")


@pytest.fixture
def loud(outlet: Plug, tmp_path: Path) -> Path:
    """Write the place of a plug whose driver complains whenever it is used."""
    (tmp_path / "loud_library.py").write_text(LIBRARY)
    path = place_file(tmp_path, outlet)
    text = path.read_text().replace("CheckedPowerDriver", "LoudPowerDriver")
    path.write_text(f"{text}  - {tmp_path}/loud_library.py\n")
    return path


def campaign(place: Path, folder: Path, *, as_campaigns_do: bool) -> tuple[int, str]:
    """Run a step of a campaign by the words that every command uses; return code and output."""
    step = folder / "test_step.py"
    step.write_text(STEP)
    (folder / "report").mkdir()
    words = pytest_run.command([str(step)], place, folder / "report")
    if not as_campaigns_do:
        at = words.index("-W")
        del words[at : at + 2]
    return ended(words)


def ended(words: list[str], **environment: str) -> tuple[int, str]:
    done = subprocess.run(
        words,
        cwd=ROOT,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, **environment},
    )
    return done.returncode, done.stdout


def test_a_campaign_goes_on_whatever_a_library_complains_of(
    loud: Path, outlet: Plug, tmp_path: Path
) -> None:
    code, said = campaign(loud, tmp_path, as_campaigns_do=True)

    assert code == 0, said
    assert outlet.commands[:2] == [True, False]
    for when in WHEN:
        assert f"DeprecationWarning: deprecated {when}" in said, "or nobody complained"
    for kind in ("ResourceWarning", "PytestUnraisableException", "PytestUnhandledThread"):
        assert kind in said


def test_tests_of_the_rig_itself_end_at_a_complaint(loud: Path, tmp_path: Path) -> None:
    """The partner of the first: the same step under the rules of the rig's own tests."""
    code, said = campaign(loud, tmp_path, as_campaigns_do=False)
    assert code != 0
    assert "deprecated at import" in said


@pytest.mark.parametrize("asked", ["default", "error"])
def test_doctor_judges_as_a_campaign_does(loud: Path, outlet: Plug, asked: str) -> None:
    """Whatever the environment asks of Python."""
    words = [sys.executable, "-m", "rig.cli", "doctor", "--place", str(loud)]
    _, said = ended(words, PYTHONWARNINGS=asked)

    assert f"ok   the PDU (shelly_gen2 at {outlet.url}, outlet 0) answers" in said
    (bad,) = [line for line in said.splitlines() if line.startswith("BAD")]
    assert bad.startswith("BAD  console"), "there is none"
    for when in WHEN[:3]:
        assert f"DeprecationWarning: deprecated {when}" in said, "or nobody complained"


def test_what_a_command_starts_is_not_told_to_end_at_complaints() -> None:
    """A guard that ended at one would leave the board on."""
    look = "import os; from rig.cli import main; main(['doctor']); print(os.environ)"
    _, said = ended([sys.executable, "-c", look], PYTHONWARNINGS="error")
    assert "PYTHONWARNINGS" not in said.splitlines()[-1]

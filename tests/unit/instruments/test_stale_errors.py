# SPDX-License-Identifier: MIT
"""What others left in an error queue is never blamed on a good command of the rig's."""

import socket
from typing import Any

import pytest

from rig.clock import SystemClock
from rig.errors import InstrumentError
from rig.instruments import make
from rig.instruments.link import send
from rig.instruments.visa import VisaLink
from tests.unit.helpers.dialogue import OK, Dialogue
from tests.unit.helpers.served import Served
from tests.unit.instruments.test_served import SUPPLIES, VIRTUAL

LEFT = b"FOO:BAR\nSYST:COMM:RLST RWL\n*IDN\n*IDN?\n"  # a person's session
ANSWER_S = 10.0


def leave_errors(link: VisaLink) -> None:
    """Have somebody else talk nonsense to the instrument, until all of it is read."""
    port = int(link.resource.split("::")[2])
    with socket.create_connection(("127.0.0.1", port), ANSWER_S) as person:
        person.sendall(LEFT)
        assert person.recv(100), "it has read all lines before its answer"


def command(model: str, instrument: Any, link: VisaLink) -> None:
    """Do what a run does first with an instrument that it has not asked for its name."""
    if model in SUPPLIES:
        instrument.output(True)
    else:
        send(link, "*RST")  # leaves the queue as it is (IEEE 488.2, 10.32)


@pytest.mark.parametrize("model", VIRTUAL)
def test_errors_from_before_are_logged_and_the_rigs_command_is_accepted(
    model: str, caplog: pytest.LogCaptureFixture
) -> None:
    with Served(VIRTUAL[model](), timeout_s=ANSWER_S) as served:
        leave_errors(served.link)
        command(model, make(model, served.link, SystemClock()), served.link)
    assert "from before the rig's command: -113" in caplog.text


@pytest.mark.parametrize("model", VIRTUAL)
def test_an_error_of_the_rigs_own_is_still_one(model: str) -> None:
    with Served(VIRTUAL[model](), timeout_s=ANSWER_S) as served:
        send(served.link, "*CLS")
        with pytest.raises(InstrumentError, match=r"'FOO:BAR' with '-113"):
            send(served.link, "FOO:BAR")


def test_what_an_exchange_that_broke_off_left_behind_is_not_the_next_ones() -> None:
    with Served(VIRTUAL["keysight_e36312a"](), timeout_s=ANSWER_S) as served:
        send(served.link, "*CLS")
        leave_errors(served.link)
        served.link.close()  # as each failed exchange does
        send(served.link, "OUTP OFF,(@1)")


def test_a_queue_without_an_end_is_given_up() -> None:
    link = Dialogue(*[("SYST:ERR?", '-350,"Queue overflow"')] * 64, "OUTP ON", OK)
    link.is_new = True
    send(link, "OUTP ON")
    link.over()

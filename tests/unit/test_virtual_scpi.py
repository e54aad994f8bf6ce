# SPDX-License-Identifier: MIT
"""The instruments' front panel: SCPI syntax, errors and blocks as IEEE 488.2 has them."""

import asyncio

import pytest

from rig.virtual.counter import BYTE_S, Counter
from rig.virtual.power import Feed
from rig.virtual.scpi import Instrument, block
from rig.virtual.supply import Supply


def ask(instrument: Instrument, message: str) -> str | None:
    answer = asyncio.run(instrument.execute(message.encode()))
    return None if answer is None else answer.decode("latin-1")


@pytest.fixture
def supply() -> Supply:
    supply = Supply(Feed(outlet=True), noise=False)
    supply.outputs.load_a = lambda: 0.11
    return supply


@pytest.mark.parametrize(
    "header", ["MEAS:VOLT? (@1)", "meas:volt:dc? (@1)", "MEASure:SCALar:VOLTage:DC? (@1)"]
)
def test_short_and_long_forms_mean_the_same(supply: Supply, header: str) -> None:
    assert ask(supply, header) == "+5.00000000E+00"


def test_the_compound_path_goes_on_where_it_was(supply: Supply) -> None:
    assert ask(supply, "MEAS:VOLT? (@1);CURR? (@1);:OUTP? (@1)") == (
        "+5.00000000E+00;+1.10000000E-01;1"
    )


@pytest.mark.parametrize(
    ("message", "code"),
    [("BLA:FOO", -113), ("VOLT 99,(@1)", -222), ("OUTP MAYBE,(@1)", -224), ("OUTP ON,(@9)", -222)],
)
def test_an_error_has_no_answer_and_stands_in_the_queue(
    supply: Supply, message: str, code: int
) -> None:
    assert ask(supply, message) is None
    assert (ask(supply, "SYST:ERR?") or "").startswith(f"{code:+d},")
    assert ask(supply, "SYST:ERR?") == '+0,"No error"'


def test_a_latched_supply_stays_off_until_it_is_cleared_and_switched_on(supply: Supply) -> None:
    supply._feed.switch(inhibited=True)
    assert ask(supply, "OUTP ON,(@1);:SYST:ERR?") is None
    ask(supply, "*CLS")
    ask(supply, "OUTP:PROT:CLE (@1)")
    assert ask(supply, "OUTP? (@1)") == "0"
    ask(supply, "OUTP ON,(@1)")
    assert ask(supply, "OUTP? (@1)") == "1"


def stamps(counter: Counter) -> list[float]:
    answer = ask(counter, "R?") or ""
    body = answer[2 + int(answer[1]) :]
    return [float(value) for value in body.split(",") if value]


def test_the_counter_gives_times_between_edges_and_forgets_them() -> None:
    counter = Counter()
    ask(counter, "CONF:ARR:TST (1000),(@1)")
    ask(counter, "INIT")
    for at_s in (1.0, 1.001, 1.5):
        counter.pulses(b"\xff", at_s)
    assert stamps(counter) == pytest.approx([0.001, 0.499])
    assert stamps(counter) == []


def test_pulses_that_come_together_are_as_far_apart_as_the_line_allows() -> None:
    counter = Counter()
    ask(counter, "CONF:ARR:TST (1000),(@1)")
    ask(counter, "INIT")
    counter.pulses(b"\xff\xff\xff", 1.0)
    assert stamps(counter) == pytest.approx([BYTE_S, BYTE_S])


def test_an_idle_empty_counter_does_not_answer_a_read() -> None:
    counter = Counter()
    assert ask(counter, "R?") is None
    assert (ask(counter, "SYST:ERR?") or "").startswith("-230,")


def test_a_block_says_its_length() -> None:
    assert block(b"x" * 12) == b"#212" + b"x" * 12

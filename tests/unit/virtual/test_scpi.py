# SPDX-License-Identifier: MIT
"""The instruments' front panel: SCPI syntax, errors and blocks as IEEE 488.2 has them."""

import asyncio

import pytest

from rig.virtual.board.power import Feed
from rig.virtual.instruments.counter import BYTE_S, Counter
from rig.virtual.instruments.scpi import Instrument, block
from rig.virtual.instruments.supply import Supply


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


def test_the_counters_time_out_survives_reset_and_power_cycle() -> None:
    """53230A: SYST:TIM is non-volatile; the level is not."""
    counter = Counter()
    ask(counter, "SYST:TIM INF;:INP1:LEV 1.65")
    ask(counter, "*RST")
    assert ask(counter, "SYST:TIM?") == "9.9E+37"
    counter.power_cycle()
    assert ask(counter, "SYST:TIM?") == "9.9E+37"
    assert ask(counter, "INP1:LEV?") == "+0.00000000E+00"


def test_a_power_cycle_shows_in_the_registers_and_empties_the_queue(supply: Supply) -> None:
    assert ask(supply, "*ESR?") == "+128"
    assert ask(supply, "*ESR?") == "+0"
    ask(supply, "*ESE 255;BLA")
    assert ask(supply, "*STB?") == "+36", "error queue, and an enabled event"
    supply.power_cycle()
    assert ask(supply, "*STB?") == "+0"
    assert ask(supply, "*ESE?") == "+0"
    assert ask(supply, "SYST:ERR?") == '+0,"No error"'
    assert ask(supply, "*ESR?") == "+128"


def test_a_power_cycle_switches_a_supply_off_and_forgets_its_voltage(supply: Supply) -> None:
    assert ask(supply, "OUTP? (@1);:VOLT? (@1)") == "1;+5.00000000E+00"
    supply.power_cycle()
    assert ask(supply, "OUTP? (@1);:VOLT? (@1)") == "0;+0.00000000E+00"
    assert not supply.outputs.feed.powered


def test_a_full_counter_loses_its_oldest_stamp_and_says_so_in_bit_14() -> None:
    counter = Counter(memory=3)
    ask(counter, "CONF:ARR:TST (1000),(@1);:INIT")
    for at_s in (0.0, 1.0, 3.0, 6.0):
        counter.pulses(b"\xff", at_s)
    assert ask(counter, "STAT:QUES:COND?") == "+0"
    counter.pulses(b"\xff", 10.0)
    assert ask(counter, "STAT:QUES:COND?") == "+16384"
    assert ask(counter, "SYST:ERR?") == '+0,"No error"'
    assert stamps(counter) == pytest.approx([2.0, 3.0, 4.0])


def test_the_counters_memory_holds_a_million_stamps_and_one_more_overflows_it() -> None:
    counter = Counter()
    ask(counter, "CONF:ARR:TST (1000000),(@1);:INIT")
    with counter.lock:
        for number in range(1_000_001):
            counter.edge(number * 1e-3)
    assert ask(counter, "DATA:POIN?;:STAT:QUES:COND?") == "+1000000;+0"
    counter.pulses(b"\xff", 2000.0)
    assert ask(counter, "DATA:POIN?;:STAT:QUES:COND?") == "+999999;+16384"


def test_a_supplys_read_back_settles_and_has_noise_from_a_seed() -> None:
    readings = []
    for _ in range(2):
        supply = Supply(Feed(output=False, volts=0.0))
        now_s = 0.0
        supply.outputs.now = lambda: now_s  # noqa: B023 # read at once
        ask(supply, "VOLT 5,(@1);:OUTP ON,(@1)")
        found = []
        for step in range(20):
            now_s = step * 0.005
            found.append(float(ask(supply, "MEAS:VOLT? (@1)") or "nan"))
        readings.append(found)
    first = readings[0]
    assert readings[0] == readings[1]
    assert first[0] == pytest.approx(0.0, abs=1e-3)
    assert first[1] == pytest.approx(5.0 * (1 - 2.71828**-1), abs=2e-3)
    assert first[-1] == pytest.approx(5.0, abs=1e-3)
    assert len(set(first[-5:])) == 5, "noise"


def test_a_block_says_its_length() -> None:
    assert block(b"x" * 12) == b"#212" + b"x" * 12

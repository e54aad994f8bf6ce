# SPDX-License-Identifier: MIT
"""Counters say exactly what their manuals say, and give no stamp that they cannot stand for."""

import struct

import numpy as np
import pytest

from rig.errors import BenchError, InstrumentError
from rig.instruments.counter import Keysight53230A
from rig.instruments.edges import EdgeCounter
from rig.instruments.pendulum import FETCH_MAX, Cnt91, Cnt104S
from tests.unit.helpers.dialogue import OK, Dialogue, StillClock, floats, pairs

IDN_53230A = ("*IDN?", "Keysight Technologies,53230A,MY1,2.0")
IDN_91 = ("*IDN?", "PENDULUM, CNT-91, 1, V1.34")
IDN_104 = ("*IDN?", "Pendulum, CNT-104S, 000024, v1.4.1")
ALIVE = ("*ESR?", "+0")
WELL = ("STAT:QUES:COND?", "+0")

START_53230A = (
    IDN_53230A,
    "*RST;*CLS",
    "SYST:TIM INF",
    "CONF:ARR:TST (1000000),(@1)",
    "INP1:COUP DC",
    "INP1:IMP 1E6",
    "INP1:SLOP POS",
    "INP1:LEV:AUTO OFF",
    "INP1:LEV 1.65",
    "TST:RATE 1E6",
    "FORM:DATA REAL,64",
    "FORM:BORD NORM",
    OK,
    "INIT",
    OK,
)
START_91 = (
    IDN_91,
    "*RST;*CLS",
    "CONF:ARR:STST (32000),(@1)",
    "INIT:CONT OFF",
    "INP1:COUP DC",
    "INP1:IMP 1E6",
    "INP1:SLOP POS",
    "INP1:LEV:AUTO OFF",
    "INP1:LEV 1.65",
    "FORM PACK",
    "FORM:BORD NORM",
    "FORM:TINF ON",
    OK,
    "INIT",
    OK,
)
START_104 = (
    IDN_104,
    "*RST;*CLS",
    "*ESE 1",
    'SYST:CONF "Function=Timestamp A;SampleCount=32000000;SampleInterval=50ns"',
    'SYST:CONF "ImpedanceA=1MOhm;CouplingA=DC;TriggerModeA=Manual;AbsoluteTriggerLevelA=1.65"',
    "FORM PACK",
    "FORM:BORD NORM",
    "FORM:TINF ON",
    OK,
    "INIT",
    OK,
)
STALE = (("FETC:ARR? MAX", struct.pack(">d", float("nan"))), ("SYST:ERR?", '-230,"stale"'))


def started(kind: type[EdgeCounter], *exchange: str | tuple[str, str | bytes]) -> EdgeCounter:
    start = {Keysight53230A: START_53230A, Cnt91: START_91, Cnt104S: START_104}[kind]
    counter = kind(Dialogue(*start, *exchange), StillClock())
    counter.start()
    return counter


def over(counter: EdgeCounter) -> None:
    link = counter._link
    assert isinstance(link, Dialogue)
    link.over()


def test_the_53230a_is_spoken_to_as_its_manual_says() -> None:
    counter = started(
        Keysight53230A,
        *(ALIVE, ("DATA:POIN?", "+3"), ("R? 3", floats(0.001, 0.001, 0.0374)), WELL),
        *(ALIVE, ("DATA:POIN?", "+0"), WELL),
        *(ALIVE, ("DATA:POIN?", "+1"), ("R? 1", floats(0.5)), WELL),
        *("ABOR", OK),
    )

    stamps = np.concatenate([counter.drain(), counter.drain(), counter.drain()])
    counter.stop()

    assert stamps == pytest.approx([0.0, 0.001, 0.002, 0.0394, 0.5394])
    assert counter.readings == 4
    over(counter)


def test_the_53230as_scale_factor_is_taken_or_missed_alike() -> None:
    counter = started(
        Keysight53230A,
        *(ALIVE, ("DATA:POIN?", "+3"), ("R? 3", floats(2.0, 0.002, 0.004)), WELL),
    )

    assert counter.drain() == pytest.approx([0.0, 0.001, 0.003])


def test_more_than_a_chunk_is_read_in_chunks() -> None:
    counter = started(
        Keysight53230A,
        ALIVE,
        *(("DATA:POIN?", "+100001"), ("R? 100000", floats(*[0.001] * 100_000))),
        *(("DATA:POIN?", "+1"), ("R? 1", floats(0.001))),
        WELL,
    )

    assert counter.drain().size == 100_002
    over(counter)


def test_the_cnt91_is_spoken_to_as_its_manual_says() -> None:
    counter = started(
        Cnt91,
        *(ALIVE, ("FETC:ARR? MAX", pairs((1, 10**12), (2, 1001 * 10**9)))),
        *(ALIVE, *STALE),
        *(ALIVE, ("FETC:ARR? MAX", pairs((3, 1600 * 10**9)))),
        *("ABOR", OK),
    )

    stamps = np.concatenate([counter.drain(), counter.drain(), counter.drain()])
    counter.stop()

    assert stamps == pytest.approx([1.0, 1.001, 1.6])
    over(counter)


def test_a_full_answer_of_the_cnt91_is_followed_by_another_question() -> None:
    full = pairs(*((n, n * 10**9) for n in range(1, FETCH_MAX + 1)))
    counter = started(Cnt91, ALIVE, ("FETC:ARR? MAX", full), *STALE)

    assert counter.drain().size == FETCH_MAX
    with pytest.raises(BenchError):  # an edge of long ago is no bracket
        counter.correlate()
    over(counter)


def test_the_cnt104s_is_spoken_to_as_its_manual_says() -> None:
    counter = started(
        Cnt104S,
        *(("*ESE?", "1"), ("FETC:ARR? MAX, A", pairs((0, 5 * 10**12), (0, 6 * 10**12)))),
        *("ABOR", OK),
    )

    assert counter.drain() == pytest.approx([5.0, 6.0])
    counter.stop()
    over(counter)


def test_an_edge_that_passed_unseen_is_refused() -> None:
    """CNT-91 p. 8-72: the number beside the stamp counts all edges, stamped or not."""
    counter = started(Cnt91, ALIVE, ("FETC:ARR? MAX", pairs((1, 10**12), (3, 2 * 10**12))))

    with pytest.raises(InstrumentError, match="not stamped"):
        counter.drain()


@pytest.mark.parametrize("kind", [Keysight53230A, Cnt91, Cnt104S])
def test_another_model_at_the_address_is_refused_before_anything_is_set(
    kind: type[EdgeCounter],
) -> None:
    link = Dialogue(("*IDN?", "Keysight Technologies,34461A,MY1,2.0"))

    with pytest.raises(InstrumentError, match=f"wanted a {kind.MODEL}"):
        kind(link, StillClock()).start()
    link.over()


@pytest.mark.parametrize(
    ("kind", "restarted"),
    [(Keysight53230A, ("*ESR?", "+128")), (Cnt91, ("*ESR?", "128")), (Cnt104S, ("*ESE?", "0"))],
)
def test_a_restart_is_named_and_no_silence_comes_out_of_it(
    kind: type[EdgeCounter], restarted: tuple[str, str]
) -> None:
    """A counter that lost its settings stamps nothing, which looks just like an outage."""
    counter = started(kind, restarted)

    for _ in range(2):
        with pytest.raises(InstrumentError, match="restarted"):
            counter.drain()
    over(counter)


@pytest.mark.parametrize(
    ("kind", "exchange"),
    [
        (Keysight53230A, (ALIVE, ("DATA:POIN?", "+9"), ("R? 9", "no block"))),
        (Keysight53230A, (ALIVE, ("DATA:POIN?", "+1"), ("R? 1", b"short"))),
        (Keysight53230A, (ALIVE, ("DATA:POIN?", "+1"), ("R? 1", floats(9.91e37)))),
        (Keysight53230A, (ALIVE, ("DATA:POIN?", "+0"), ("STAT:QUES:COND?", "+16384"))),
        (Cnt91, (ALIVE, ("FETC:ARR? MAX", "no block"))),
        (Cnt91, (ALIVE, ("FETC:ARR? MAX", b"short"))),
        (Cnt91, (ALIVE, ("FETC:ARR? MAX", pairs((1, 10**12), (2, 10**12))))),
        (Cnt104S, (("*ESE?", "1"), ("FETC:ARR? MAX, A", pairs((0, 2), (0, 1))))),
    ],
)
def test_after_lost_stamps_every_drain_fails_until_it_is_started_anew(
    kind: type[EdgeCounter], exchange: tuple[str | tuple[str, str | bytes], ...]
) -> None:
    """What a failed read erased is a gap in the stamps, and a gap is an outage."""
    counter = started(kind, *exchange)

    for _ in range(2):
        with pytest.raises(InstrumentError):
            counter.drain()
    over(counter)


@pytest.mark.parametrize(
    "exchange",
    [(ALIVE, ("DATA:POIN?", "+9"), ("R? 9", "no block")), (("*ESR?", "what?"),)],
)
def test_after_a_failed_drain_the_run_ends_without_another_complaint(
    exchange: tuple[tuple[str, str], ...],
) -> None:
    """The first failure is the news; the next one would hide the step's outcome."""
    counter = started(Keysight53230A, *exchange, "ABOR")

    with pytest.raises(InstrumentError):
        counter.drain()
    counter.stop()
    over(counter)


def test_an_answer_that_did_not_come_loses_no_stamps() -> None:
    """DATA:POIN? erases nothing, so the next drain is whole."""
    counter = started(
        Keysight53230A,
        *(ALIVE, ("DATA:POIN?", "what?")),
        *(ALIVE, ("DATA:POIN?", "+1"), ("R? 1", floats(0.25)), WELL),
    )

    with pytest.raises(InstrumentError):
        counter.drain()
    assert counter.drain() == pytest.approx([0.0, 0.25])


def test_stamps_that_were_read_before_a_question_failed_come_with_the_next_drain() -> None:
    counter = started(
        Keysight53230A,
        *(ALIVE, ("DATA:POIN?", "+1"), ("R? 1", floats(0.25)), ("STAT:QUES:COND?", "what?")),
        *(ALIVE, ("DATA:POIN?", "+1"), ("R? 1", floats(0.25)), WELL),
    )

    with pytest.raises(InstrumentError):
        counter.drain()
    assert counter.drain() == pytest.approx([0.0, 0.25, 0.5])


def test_a_counter_that_has_stopped_says_so() -> None:
    class Short(Keysight53230A):
        READINGS_MAX = 2

    link = Dialogue(*START_53230A, ALIVE, ("DATA:POIN?", "+2"), ("R? 2", floats(1e-3, 1e-3)), WELL)
    counter = Short(link, StillClock())
    counter.start()

    with pytest.raises(InstrumentError, match="it has stopped"):
        counter.drain()


def test_the_clocks_are_bracketed_by_the_last_edge() -> None:
    counter = started(
        Keysight53230A,
        *(ALIVE, ("DATA:POIN?", "+1"), ("R? 1", floats(0.25)), WELL),
    )
    counter.drain()

    assert counter.correlate().offset_s == pytest.approx(100.0 - 0.25)
    assert counter.correlate().error_s == pytest.approx(0.05)


def test_without_an_edge_there_is_no_correlation() -> None:
    with pytest.raises(BenchError, match="no heartbeat"):
        started(Cnt91).correlate()

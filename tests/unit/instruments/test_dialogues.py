# SPDX-License-Identifier: MIT
"""Supplies, scopes and the generator say exactly what their manuals say, and nothing else."""

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from rig.clock import Deadline
from rig.errors import BenchError, InstrumentError, UsageError
from rig.instruments import MODELS, make
from rig.instruments.dp832 import RigolDP832
from rig.instruments.ds1000z import RigolDS1000Z
from rig.instruments.generator import Keysight33500B, uncertainty_s
from rig.instruments.infiniivision import InfiniiVision
from rig.instruments.link import send
from rig.instruments.n6705c import KeysightN6705C
from rig.instruments.supply import KeysightE36312A
from tests.unit.helpers.dialogue import OK, Dialogue, StillClock

ALIVE = ("*ESR?", "+0")
IDN_E36312A = (("*IDN?", "Keysight Technologies,E36312A,MY1,2.1.0"), ("*ESR?", "+128"))
IDN_N6705C = (("*IDN?", "Keysight Technologies,N6705C,MY1,E.02"), ("*ESR?", "+128"))
IDN_DP832 = (("*IDN?", "RIGOL TECHNOLOGIES,DP832,DP8C1,00.01.16"), ("*ESR?", "128"))
IDN_3000T = ("*IDN?", "KEYSIGHT TECHNOLOGIES,DSO-X 3024T,MY1,07.50")
IDN_DS1000Z = ("*IDN?", "RIGOL TECHNOLOGIES,DS1054Z,DS1ZA1,00.04.04")
IDN_33500B = ("*IDN?", "Agilent Technologies,33522B,MY1,4.00")

SUPPLIES: list[tuple[Any, tuple[str | tuple[str, str], ...]]] = [
    (
        KeysightE36312A,
        (
            *(*IDN_E36312A, "VOLT 5.000,(@1)", OK),
            *(ALIVE, "OUTP ON,(@1)", OK, ("OUTP? (@1)", "1")),
            *(ALIVE, ("MEAS:VOLT? (@1)", "+5.01E+00")),
            *(ALIVE, ("MEAS:CURR? (@1)", "+4.2E-01")),
            ("STAT:QUES:INST:ISUM1:COND?", "512"),
            *("OUTP:PROT:CLE (@1)", OK),
            *("OUTP OFF,(@1)", OK, ("OUTP? (@1)", "0")),
        ),
    ),
    (
        KeysightN6705C,
        (
            *(*IDN_N6705C, "VOLT 5.000,(@1)", OK),
            *(ALIVE, "OUTP ON,(@1)", OK, ("OUTP? (@1)", "1")),
            *(ALIVE, ("MEAS:VOLT? (@1)", "+5.01E+00")),
            *(ALIVE, ("MEAS:CURR? (@1)", "+4.2E-01")),
            ("STAT:QUES:COND? (@1)", "512"),
            *("OUTP:PROT:CLE (@1)", OK),
            *("OUTP OFF,(@1)", OK, ("OUTP? (@1)", "0")),
        ),
    ),
    (
        RigolDP832,
        (
            *(*IDN_DP832, ("APPL? CH1", "CH1:30V/3A,0.000,2.000")),
            *("APPL CH1,5.000,2.000", OK, ("APPL? CH1", "CH1:30V/3A,5.000,2.000")),
            *(ALIVE, "OUTP CH1,ON", OK, ("OUTP? CH1", "ON")),
            *(ALIVE, ("MEAS:VOLT? CH1", "5.0100")),
            *(ALIVE, ("MEAS:CURR? CH1", "0.4200")),
            *(("OUTP:OVP:QUES? CH1", "NO"), ("OUTP:OCP:QUES? CH1", "YES")),
            *("OUTP:OVP:CLEAR CH1", "OUTP:OCP:CLEAR CH1", OK),
            *("OUTP CH1,OFF", OK, ("OUTP? CH1", "OFF")),
        ),
    ),
]


@pytest.mark.parametrize(("kind", "exchange"), SUPPLIES)
def test_a_supply_is_spoken_to_as_its_manual_says(kind: Any, exchange: tuple[str, ...]) -> None:
    link = Dialogue(*exchange)
    supply = kind(link, StillClock())

    supply.set_voltage(5.0)
    supply.output(True)
    voltage, current = supply.voltage(), supply.current()
    tripped = supply.tripped()
    supply.clear_protection()
    supply.output(False)

    assert (voltage.value, voltage.unit) == (5.01, "V")
    assert (current.value, current.unit) == (0.42, "A")
    assert 0 < voltage.uncertainty < 0.05
    assert tripped
    link.over()


def test_who_reads_the_current_again_and_again_asks_for_nothing_else() -> None:
    """Its *ESR? would take the news of a restart from whoever switches the output."""
    link = Dialogue(("MEAS:CURR? (@1)", "+4.2E-01"), ("MEAS:CURR? (@1)", "+0.0E+00"))
    supply = KeysightE36312A(link, StillClock())
    assert (supply.peek_current(), supply.peek_current()) == (0.42, 0.0)
    link.over()


@pytest.mark.parametrize("kind", [KeysightE36312A, KeysightN6705C, RigolDP832])
@pytest.mark.parametrize("voltage_v", [-0.1, 5.6, 12.0, float("nan")])
def test_a_voltage_that_would_harm_the_board_is_refused_not_clipped(
    kind: Any, voltage_v: float
) -> None:
    with pytest.raises(UsageError):
        kind(Dialogue(), StillClock()).set_voltage(voltage_v)


def test_a_supply_that_rounds_what_it_was_told_is_named() -> None:
    link = Dialogue(
        *(*IDN_DP832, ("APPL? CH1", "CH1:30V/3A,0.000,2.000")),
        *("APPL CH1,5.000,2.000", OK, ("APPL? CH1", "CH1:30V/3A,4.000,2.000")),
    )
    with pytest.raises(InstrumentError, match=r"4\.0 V, not 5\.0 V"):
        RigolDP832(link, StillClock()).set_voltage(5.0)


def test_a_supply_that_restarted_does_not_feed_the_board_with_what_it_woke_up_with() -> None:
    link = Dialogue(*IDN_E36312A, "VOLT 5.000,(@1)", OK, ("*ESR?", "+128"))
    supply = KeysightE36312A(link, StillClock())
    supply.set_voltage(5.0)

    with pytest.raises(InstrumentError, match="restarted"):
        supply.output(True)
    link.over()


def test_a_supply_that_restarted_is_switched_off_all_the_same() -> None:
    """It may have woken up with its output on, and be the last that can take the board's power."""
    link = Dialogue(*IDN_E36312A, "OUTP OFF,(@1)", OK, ("OUTP? (@1)", "0"), ("*ESR?", "+128"))
    supply = KeysightE36312A(link, StillClock())
    supply.identity()

    supply.output(False)
    with pytest.raises(InstrumentError, match="restarted"):
        supply.output(True)
    link.over()


def test_a_supply_that_is_not_ready_is_told_again_and_given_time_to_do_it() -> None:
    """Error -113 right after a change: github.com/SweepMe/instrument-drivers/pull/92.

    The state that it reports lags behind: github.com/sinara-hw/Booster/issues/283.
    """
    link = Dialogue(
        *(*IDN_DP832, "OUTP CH1,ON", ("SYST:ERR?", '-113,"Undefined header"'), OK),
        *(
            ALIVE,
            "OUTP CH1,ON",
            OK,
            ("OUTP? CH1", "OFF"),
            ("OUTP? CH1", "OFF"),
            ("OUTP? CH1", "ON"),
        ),
    )
    RigolDP832(link, StillClock()).output(True)
    link.over()


def test_a_supply_that_refuses_again_is_named() -> None:
    refused = ("OUTP OFF,(@1)", ("SYST:ERR?", '-221,"Settings conflict"'), OK)
    link = Dialogue(*IDN_E36312A, *refused, *refused)
    with pytest.raises(InstrumentError, match="Settings conflict"):
        KeysightE36312A(link, StillClock()).output(False)
    link.over()


def test_a_supply_that_does_not_say_whether_it_restarted_is_not_told_again_to_feed() -> None:
    """The answer that got lost may have said so, and *ESR? forgets when it is read."""
    link = Dialogue(*IDN_E36312A, ("*ESR?", "garbage"))
    supply = KeysightE36312A(link, StillClock())
    supply.identity()
    with pytest.raises(InstrumentError, match="garbage"):
        supply.output(True)
    link.over()


def test_an_output_that_never_follows_is_named() -> None:
    clock = StillClock()
    link = Dialogue(*IDN_E36312A, "OUTP OFF,(@1)", OK, *[("OUTP? (@1)", "1")] * 12)
    with pytest.raises(InstrumentError, match=r"OUTP\? \(@1\)' with 'on'"):
        KeysightE36312A(link, clock).output(False)
    assert clock.now() <= 100.0 + 1.2


@pytest.mark.parametrize("reply", ["0.5A", "500 mA", "0,500", "", "NAN", "9.91E+37", "OUTP ON"])
def test_a_current_that_is_not_a_bare_number_is_refused(reply: str) -> None:
    """github.com/eez-open/modular-psu-firmware/issues/83; an echo, a comma, another unit."""
    with pytest.raises(InstrumentError, match=r"MEAS:CURR\?"):
        KeysightE36312A(Dialogue(("MEAS:CURR? (@1)", reply)), StillClock()).peek_current()


def test_the_n6705c_records_as_its_manual_says() -> None:
    values = struct.pack(">4f", 0.5, 0.5, 0.25, 0.0)
    link = Dialogue(
        *IDN_N6705C,
        *("FORM REAL", "FORM:BORD NORM"),
        *("SENS:SWE:TINT 2.04800E-05,(@2)", "SENS:SWE:POIN 4,(@2)", OK),
        ("MEAS:ARR:CURR? (@2)", values),
        *("FORM REAL", "FORM:BORD NORM", "SENS:ELOG:FUNC:CURR ON,(@2)"),
        *("SENS:ELOG:PER 1.0240E-04,(@2)", "TRIG:ELOG:SOUR IMM,(@2)", OK),
        *("INIT:ELOG (@2)", OK),
        ("FETC:ELOG? 4096,(@2)", values),
        *("ABOR:ELOG (@2)", OK),
    )
    supply = KeysightN6705C(link, StillClock(), channel=2)

    sweep = supply.record(4 * 20.48e-6)
    supply.start_log()
    log = supply.read_log()
    supply.stop_log()

    assert sweep.current_a == pytest.approx([0.5, 0.5, 0.25, 0.0])
    assert sweep.fell_below(0.1) == pytest.approx(3 * 20.48e-6)
    assert log.step_s == 102.4e-6
    link.over()


def test_a_record_that_does_not_fit_is_refused() -> None:
    with pytest.raises(UsageError, match="use the log"):
        KeysightN6705C(Dialogue(), StillClock()).record(2.0)


def low_high(*pulses: int, size: int = 100) -> bytes:
    """Draw 8-bit samples that are high at `pulses` only."""
    return bytes(199 if number in pulses else 100 for number in range(size))


def test_the_infiniivision_is_spoken_to_as_its_manual_says() -> None:
    preamble = "+0,+1,+100,+1,+1.0E-03,-9.0E-02,+0,+3.333333E-02,+0,+100"
    link = Dialogue(
        IDN_3000T,
        *("*RST;*CLS", ":CHAN1:DISP ON", ":CHAN1:SCAL 1", ":CHAN1:OFFS 1.65"),
        *(":TRIG:MODE GLIT", ":TRIG:GLIT:SOUR CHAN1", ":TRIG:GLIT:POL NEG"),
        *(":TRIG:GLIT:QUAL GRE", ":TRIG:GLIT:GRE 2.5000E-03", ":TRIG:GLIT:LEV 1.65"),
        *(":TRIG:SWE NORM", ":TIM:RANG 1.0000E-01", ":TIM:REF RIGH"),
        *(":ACQ:MODE SEGM", ":ACQ:SEGM:COUN 100", OK),
        *(":SING", OK),
        ALIVE,
        *((":WAV:SEGM:COUN?", "+0"), (":OPER:COND?", "+8")),
        (":WAV:SEGM:COUN?", "+1"),
        *(":STOP", OK, ALIVE),
        *(":ACQ:SEGM:IND 1", OK, (":WAV:SEGM:TTAG?", "+0.0E+00")),
        *(":WAV:SOUR CHAN1", ":WAV:FORM BYTE", ":WAV:POIN 100000", OK),
        *((":WAV:PRE?", preamble), (":WAV:DATA?", low_high(10, 90, 95))),
    )
    clock = StillClock()
    scope = InfiniiVision(link, clock)

    scope.arm(1e-3, 0.08)
    (gap,) = scope.gaps(1, Deadline.after(clock, 1.0))

    assert gap.at_s == 0.0
    assert gap.length_s == pytest.approx(0.080)
    assert gap.complete
    assert gap.uncertainty_s == pytest.approx(2e-3 / 3**0.5, rel=1e-3)
    link.over()


def test_the_ds1000z_is_spoken_to_as_its_manual_says() -> None:
    preamble = "0,2,100,1,1.0E-03,-2.0E-02,0,3.333333E-02,0,100"
    link = Dialogue(
        IDN_DS1000Z,
        *("*RST;*CLS", ":CHAN1:DISP ON", ":CHAN1:PROB 1", ":CHAN1:SCAL 1", ":CHAN1:OFFS -1.65"),
        *(":RUN", ":ACQ:MDEP 1200000", ":TIM:MAIN:SCAL 1.000E-02", ":TIM:MAIN:OFFS 4.000E-02"),
        *(":TRIG:MODE TIM", ":TRIG:TIM:SOUR CHAN1", ":TRIG:TIM:SLOP POS"),
        *(":TRIG:TIM:TIM 2.5000E-03", ":TRIG:TIM:LEV 1.65", ":TRIG:SWE SING", OK),
        *(":SING", OK),
        ALIVE,
        *((":TRIG:STAT?", "WAIT"), (":TRIG:STAT?", "STOP")),
        *(":WAV:SOUR CHAN1", ":WAV:MODE RAW", ":WAV:FORM BYTE", OK),
        (":WAV:PRE?", preamble),
        *(":WAV:STAR 1", ":WAV:STOP 100", OK, (":WAV:DATA?", low_high(10, 18, 58, 70, 90))),
        *(":STOP", OK, ALIVE),
    )
    clock = StillClock()
    scope = RigolDS1000Z(link, clock)

    scope.arm(1e-3, 0.08)
    (gap,) = scope.gaps(1, Deadline.after(clock, 1.0))

    assert gap.at_s == 0.0
    assert gap.length_s == pytest.approx(0.040)
    assert gap.complete
    link.over()


GATE = (
    IDN_33500B,
    *("*RST;*CLS", "OUTP1:LOAD INF", "SOUR1:FUNC PULS"),
    *("SOUR1:FUNC:PULS:PER 1.000000000000E-03", "SOUR1:FUNC:PULS:WIDT 1.000000E-04"),
    *("SOUR1:VOLT:LOW 0", "SOUR1:VOLT:HIGH 3.3"),
    *("SOUR1:BURS:MODE TRIG", "SOUR1:BURS:NCYC 11"),
    *("SOUR1:BURS:INT:PER 4.740000000000E-02", "TRIG1:SOUR IMM", "SOUR1:BURS:STAT ON"),
    *("OUTP1 ON", OK),
    ("SOUR1:BURS:NCYC?", "+1.1E+01"),
    ("SOUR1:FUNC:PULS:PER?", "+1.0E-03"),
)


def test_the_generator_is_spoken_to_as_its_manual_says() -> None:
    link = Dialogue(
        *GATE,
        ("SOUR1:BURS:INT:PER?", "+4.74E-02"),
        *(ALIVE, ("OUTP1?", "1")),
        *("SOUR1:BURS:STAT OFF", OK),
        *("OUTP1 OFF", OK),
    )
    generator = Keysight33500B(link, StillClock())

    burst = generator.interrupt_after(0.0374, beats=11)
    generator.steady()
    generator.stop()

    assert burst.gap.value == pytest.approx(0.0374, abs=1e-12)
    assert 1e-8 < burst.gap.uncertainty < 1e-6
    link.over()


def test_a_generator_that_makes_another_silence_is_named() -> None:
    link = Dialogue(*GATE, ("SOUR1:BURS:INT:PER?", "+4.80E-02"))

    with pytest.raises(InstrumentError, match="a silence of"):
        Keysight33500B(link, StillClock()).interrupt_after(0.0374, beats=11)


@pytest.mark.parametrize("gap_s", [0.0, 0.0019, 8000.0, float("nan")])
def test_a_silence_that_is_no_reference_is_refused(gap_s: float) -> None:
    with pytest.raises(UsageError):
        Keysight33500B(Dialogue(), StillClock()).interrupt_after(gap_s)


def test_the_reference_is_five_times_better_than_what_it_judges() -> None:
    """The doubt of an outage at 1 kHz is 2·P/√12 at least, docs/explanation/measuring.md."""
    for gap_s in (0.002, 0.1, 20.0):
        assert uncertainty_s(gap_s, gap_s + 1.0) < 2 * 1e-3 / 12**0.5 / 5


def test_an_unknown_model_names_the_near_one() -> None:
    with pytest.raises(UsageError, match="did you mean 'rigol_dp832'"):
        make("rigol_dp382", Dialogue(), StillClock())


@pytest.mark.parametrize("model", MODELS)
def test_no_instrument_says_a_word_before_it_is_asked_to(model: str) -> None:
    make(model, Dialogue(), StillClock())


def test_a_channel_that_is_not_there_is_refused() -> None:
    with pytest.raises(UsageError, match="channels 1, 2, 3, not 4"):
        make("rigol_dp832", Dialogue(), StillClock(), channel=4)
    with pytest.raises(UsageError, match="not to channel 2"):
        make("keysight_53230a", Dialogue(), StillClock(), channel=2)


class Falling(Dialogue):
    """A supply's dialogue in which each question takes `step_s` of the clock."""

    def __init__(self, clock: StillClock, step_s: float, *exchange: Any) -> None:
        super().__init__(*exchange)
        self._clock = clock
        self._step_s = step_s

    def query(self, command: str) -> str:
        self._clock.sleep(self._step_s)
        return super().query(command)


def test_a_cut_finds_the_edge_between_the_last_reading_above_and_the_first_below() -> None:
    clock = StillClock()
    link = Falling(
        *(clock, 0.010),
        *IDN_E36312A,  # two questions: until 100.020
        *("OUTP OFF,(@1)", OK),  # sent at 100.020
        ("MEAS:VOLT? (@1)", "+5.00E+00"),  # 100.030 … 100.040
        ("MEAS:VOLT? (@1)", "+4.81E+00"),  # 100.040 … 100.050
        ("MEAS:VOLT? (@1)", "+4.50E+00"),  # within its own doubt of the threshold: neither
        ("MEAS:VOLT? (@1)", "+3.10E+00"),  # 100.060 … 100.070
        ("OUTP? (@1)", "0"),
    )

    fall = KeysightE36312A(link, clock).cut()
    edge = fall.since(99.9)

    assert (fall.above_s, fall.below_s) == pytest.approx((100.040, 100.070))
    assert edge.delay.value == pytest.approx(0.155)
    assert edge.delay.uncertainty == pytest.approx(2 * 0.030 / 12**0.5)
    assert (edge.voltage.value, edge.voltage.unit, edge.threshold_v) == (3.1, "V", 4.5)
    assert edge.delay.source == "Keysight Technologies,E36312A,MY1,2.1.0"
    link.over()


def test_a_rail_that_is_down_at_the_first_reading_fell_after_the_command_was_sent() -> None:
    clock = StillClock()
    link = Falling(
        *(clock, 0.002),
        *(*IDN_DP832, "OUTP CH1,OFF", OK, ("MEAS:VOLT? CH1", "0.0010"), ("OUTP? CH1", "OFF")),
    )

    fall = RigolDP832(link, clock).cut()

    assert (fall.above_s, fall.below_s) == pytest.approx((100.004, 100.008))
    link.over()


def test_a_rail_that_does_not_fall_is_the_benchs_fault() -> None:
    clock = StillClock()
    readings = [("MEAS:VOLT? (@1)", "+4.98E+00")] * 3
    link = Falling(clock, 0.5, *IDN_E36312A, "OUTP OFF,(@1)", OK, *readings)

    with pytest.raises(BenchError, match=r"1\.5 s later its output is still at 4\.980 V"):
        KeysightE36312A(link, clock).cut(1.5)


def test_a_supply_whose_output_stays_on_is_not_believed() -> None:
    readings = (("MEAS:VOLT? (@1)", "+0.00E+00"), *[("OUTP? (@1)", "1")] * 12)
    link = Dialogue(*IDN_E36312A, "OUTP OFF,(@1)", OK, *readings)

    with pytest.raises(InstrumentError, match="'on'"):
        KeysightE36312A(link, StillClock()).cut()


def test_a_cut_whose_read_back_lags_is_one() -> None:
    readings = (("MEAS:VOLT? (@1)", "+0.00E+00"), ("OUTP? (@1)", "1"), ("OUTP? (@1)", "0"))
    link = Dialogue(*IDN_E36312A, "OUTP OFF,(@1)", OK, *readings)
    assert KeysightE36312A(link, StillClock()).cut().below_s == 100.0
    link.over()


class Guarded(Dialogue):
    """A conversation that has to be held with others kept out."""

    _alone = False

    @contextmanager
    def alone(self) -> Iterator[None]:
        self._alone = True
        yield
        self._alone = False

    def _next(self, command: str) -> str | bytes | None:
        assert self._alone, f"{command!r} where another thread could come between"
        return super()._next(command)


def test_a_group_of_commands_is_sent_and_checked_with_others_kept_out() -> None:
    link = Guarded("OUTP ON,(@1)", OK)
    send(link, "OUTP ON,(@1)")
    link.over()

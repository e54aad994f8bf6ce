# SPDX-License-Identifier: MIT
"""Each driver through pyvisa against its virtual instrument, and each way in which that can fail.

The bench's control channel makes it misbehave; the drivers have no such switch.
"""

import contextlib
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

import numpy as np
import pytest

from rig.clock import Deadline, SystemClock
from rig.errors import InstrumentError, UsageError
from rig.instruments import MODELS, make
from rig.instruments.link import send
from rig.instruments.rail import FEED_GONE_V
from rig.outage.supply_watch import FeedWatch
from rig.virtual.board.power import Feed
from rig.virtual.instruments.counter import Counter
from rig.virtual.instruments.dp832 import Dp832
from rig.virtual.instruments.ds1000z import Ds1000z
from rig.virtual.instruments.generator import Generator
from rig.virtual.instruments.infiniivision import InfiniiVision
from rig.virtual.instruments.n6705c import N6705c
from rig.virtual.instruments.outputs import SETTLE_S
from rig.virtual.instruments.pendulum import Cnt91, Cnt104s
from rig.virtual.instruments.scpi import Instrument
from rig.virtual.instruments.scpi_link import INSTRUMENT_FAULTS
from rig.virtual.instruments.supply import Supply
from tests.unit.helpers.served import Served, beat, heartbeat

CLOCK = SystemClock()
LOAD_A = 0.42


def fed(kind: Callable[[Feed], Any]) -> Callable[[], Any]:
    def build() -> Any:
        supply = kind(Feed(outlet=True, output=False, volts=0.0))
        supply.outputs.load_a = lambda: LOAD_A
        return supply

    return build


VIRTUAL: dict[str, Callable[[], Any]] = {
    "keysight_53230a": Counter,
    "pendulum_cnt91": Cnt91,
    "pendulum_cnt104s": Cnt104s,
    "keysight_e36312a": fed(Supply),
    "keysight_n6705c": fed(N6705c),
    "rigol_dp832": fed(Dp832),
    "keysight_infiniivision": InfiniiVision,
    "rigol_ds1000z": Ds1000z,
    "keysight_33500b": Generator,
}
COUNTERS = [name for name in VIRTUAL if "53230" in name or "cnt" in name]
SUPPLIES = ["keysight_e36312a", "keysight_n6705c", "rigol_dp832"]
SCOPES = ["keysight_infiniivision", "rigol_ds1000z"]


def test_every_model_but_our_own_is_tried_here() -> None:
    assert set(VIRTUAL) == set(MODELS) - {"walnut_interposer", "walnut_interrupter", "walnut_gate"}


def run(model: str) -> Callable[[Any], object]:
    """Return what one does with an instrument of `model` in mid-run."""
    if model in COUNTERS:
        return lambda counter: counter.drain()
    if model in SUPPLIES:
        return lambda supply: supply.voltage()
    if model in SCOPES:
        return lambda scope: scope.gaps(1, Deadline.after(CLOCK, 0.1))
    return lambda generator: generator.check()


def begin(model: str, instrument: Any) -> None:
    if model in COUNTERS:
        instrument.start()
    elif model in SUPPLIES:
        instrument.set_voltage(5.0)
        instrument.output(True)
    elif model in SCOPES:
        instrument.arm(1e-3, 0.2)
    else:
        instrument.interrupt_after(0.0374)


@pytest.mark.parametrize("model", COUNTERS)
def test_a_counter_finds_a_gap(model: str) -> None:
    virtual = VIRTUAL[model]()
    with Served(virtual) as served:
        counter = make(model, served.link, CLOCK)
        counter.start()
        beat(virtual, heartbeat(0.0374))
        first = counter.drain()
        beat(virtual, [2.0, 2.5])
        stamps = np.concatenate((first, counter.drain(), counter.drain()))
        counter.stop()
        beat(virtual, [3.0])

        assert counter.drain().size == 0, "it was stopped"
        assert stamps.size == len(heartbeat(0.0374)) + 2
        assert np.diff(stamps)[49] == pytest.approx(0.0374, abs=1e-9)
        assert np.isfinite(counter.correlate().offset_s)


@pytest.mark.parametrize("model", SUPPLIES)
def test_a_supply_feeds_the_board_and_reads_back(model: str) -> None:
    virtual = VIRTUAL[model]()
    with Served(virtual) as served:
        supply = make(model, served.link, CLOCK)
        supply.set_voltage(5.0)
        assert not supply.is_on()
        supply.output(True)
        rising = supply.voltage()
        CLOCK.sleep(0.06)  # twelve time constants
        voltage, current = supply.voltage(), supply.current()
        virtual.outputs.feed.switch(inhibited=True)
        tripped = supply.tripped()
        with pytest.raises(InstrumentError):
            supply.output(True)
        supply.clear_protection()
        supply.output(True)

        assert rising.value < 4.99, "it settles"
        assert abs(voltage.value - 5.0) <= voltage.uncertainty
        assert abs(current.value - LOAD_A) <= current.uncertainty
        assert voltage.source == supply.identity()
        assert tripped
        assert not supply.tripped()
        assert supply.is_on()


def test_threads_that_share_a_supply_get_their_own_answers() -> None:
    """Voltage and current are told apart by their size: an answer of the other's would show."""
    with Served(VIRTUAL["keysight_e36312a"]()) as served:
        supply = make("keysight_e36312a", served.link, CLOCK)
        supply.set_voltage(5.0)
        supply.output(True)
        CLOCK.sleep(0.06)
        with ThreadPoolExecutor(2) as pool:
            currents = pool.submit(lambda: [supply.peek_current() for _ in range(200)])
            voltages = [supply.voltage().value for _ in range(100)]
            read = currents.result()

        assert all(abs(value - LOAD_A) < 0.05 for value in read)
        assert all(abs(value - 5.0) < 0.05 for value in voltages)


@pytest.mark.parametrize("model", SUPPLIES)
def test_a_cut_brackets_the_moment_at_which_the_read_back_fell(model: str) -> None:
    virtual = VIRTUAL[model]()
    switched: list[float] = []
    with Served(virtual) as served:
        supply = make(model, served.link, CLOCK)
        supply.set_voltage(5.0)
        supply.output(True)
        CLOCK.sleep(0.06)
        virtual.outputs.feed.changed = lambda _: switched.append(CLOCK.now())
        fall = supply.cut()

        assert not supply.is_on()
        assert len(switched) == 1
        crossed_s = switched[0] + SETTLE_S * math.log(5.0 / FEED_GONE_V)
        assert fall.above_s <= crossed_s <= fall.below_s
        assert fall.below_s - fall.above_s < 0.5
        assert fall.voltage.value < FEED_GONE_V


def test_a_command_and_the_error_that_it_makes_stay_together_though_threads_share_a_link() -> None:
    with Served(VIRTUAL["keysight_n6705c"]()) as served, ThreadPoolExecutor(1) as other:
        link = served.link
        link.query("*IDN?")
        with link.alone():
            theirs = other.submit(link.query, "SYST:ERR?")
            link.write("NONSENSE")
            assert not wait([theirs], timeout=0.2).done
            with pytest.raises(InstrumentError, match="-113"):
                send(link, "MORE:NONSENSE")
        assert theirs.result(timeout=10.0) == '+0,"No error"'


def test_the_n6705c_records_its_current_fast() -> None:
    virtual = VIRTUAL["keysight_n6705c"]()
    now_s = 0.0
    virtual.outputs.now = lambda: now_s
    with Served(virtual) as served:
        supply = make("keysight_n6705c", served.link, CLOCK)
        begin("keysight_n6705c", supply)
        sweep = supply.record(0.01)
        supply.start_log()
        now_s = 1.0
        first = supply.read_log()
        virtual.outputs.load_a = lambda: 0.0
        now_s = 1.5
        second = supply.read_log()
        supply.stop_log()

    assert sweep.current_a.size == 488
    assert float(np.max(np.abs(sweep.current_a - LOAD_A))) <= sweep.uncertainty_a * 3
    assert first.current_a.size == 9765
    assert first.current_a.size + second.current_a.size == 14648
    assert second.fell_below(0.1) == 0.0
    assert first.fell_below(0.1) is None


def test_the_n6705c_sees_a_loss_of_feed_that_is_over_before_anybody_asks() -> None:
    virtual = VIRTUAL["keysight_n6705c"]()
    with Served(virtual) as served:
        supply = make("keysight_n6705c", served.link, CLOCK)
        begin("keysight_n6705c", supply)
        supply.output(True)
        watch = FeedWatch(supply, CLOCK, period_s=0.2)
        from_s = CLOCK.now()
        watch.start()
        edges_s = []
        for outlet, after_s in ((False, 0.7), (True, 0.02)):
            CLOCK.sleep(after_s)
            before_s = CLOCK.now()
            virtual.outputs.feed.switch(outlet=outlet)
            edges_s.append((before_s, CLOCK.now()))
        CLOCK.sleep(0.7)
        watch.stop()

    gone = watch.between(from_s, CLOCK.now()).unfed()
    assert gone is not None
    (fall_s, fell_s), (rise_s, risen_s) = edges_s
    assert rise_s - fell_s - gone.uncertainty <= gone.value <= risen_s - fall_s + gone.uncertainty
    assert gone.method.endswith("1 time(s), k = 2")


@pytest.mark.parametrize("model", SCOPES)
def test_a_scope_measures_the_gaps_that_it_triggers_on(model: str) -> None:
    virtual = VIRTUAL[model]()
    lengths_s = (0.0374, 0.0205) if model == "keysight_infiniivision" else (0.0374,)
    with Served(virtual) as served:
        scope = make(model, served.link, CLOCK)
        scope.arm(1e-3, 0.2)
        beat(virtual, heartbeat(*lengths_s, beats=300))
        gaps = scope.gaps(len(lengths_s), Deadline.after(CLOCK, 5.0))

    assert [gap.complete for gap in gaps] == [True] * len(lengths_s)
    for gap, length_s in zip(gaps, lengths_s, strict=True):
        assert abs(gap.length_s - length_s) <= gap.uncertainty_s
        assert gap.uncertainty_s < 1e-5
    if len(gaps) == 2:
        assert gaps[0].at_s == 0.0
        assert gaps[1].at_s == pytest.approx(0.299 + 0.0205, abs=1e-9)


@pytest.mark.parametrize("model", SCOPES)
def test_a_silence_longer_than_the_record_is_a_lower_bound(model: str) -> None:
    virtual = VIRTUAL[model]()
    with Served(virtual) as served:
        scope = make(model, served.link, CLOCK)
        scope.arm(1e-3, 0.2)
        beat(virtual, heartbeat(3.0, beats=300))
        (gap,) = scope.gaps(1, Deadline.after(CLOCK, 5.0))

    assert not gap.complete
    assert 0.19 < gap.length_s < 3.0


@pytest.mark.parametrize("model", SCOPES)
def test_a_scope_that_never_triggers_ends_at_its_deadline(model: str) -> None:
    virtual = VIRTUAL[model]()
    with Served(virtual) as served:
        scope = make(model, served.link, CLOCK)
        scope.arm(1e-3, 0.2)
        beat(virtual, heartbeat())
        began_s = CLOCK.now()

        assert scope.gaps(1, Deadline.after(CLOCK, 0.3)) == ()
        assert 0.3 <= CLOCK.now() - began_s < 2.0
        assert not virtual.armed, "it was stopped"


@pytest.mark.parametrize("gap_s", [0.002, 0.0374, 1.0, 20.0])
def test_the_generators_silence_is_what_a_counter_measures(gap_s: float) -> None:
    """Two instruments that do not know of each other; a crystal that is 1 ppm slow."""
    generator, counter = Generator(time_base=1e-6), Counter()
    with Served(generator) as source, Served(counter) as sink:
        reference = make("keysight_33500b", source.link, CLOCK)
        burst = reference.interrupt_after(gap_s, beats=100)
        measuring = make("keysight_53230a", sink.link, CLOCK)
        measuring.start()
        edges = generator.edges()
        beat(counter, [next(edges) for _ in range(250)])
        silences = np.diff(measuring.drain())
        reference.stop()

    longest = np.sort(silences)[-2:]
    assert burst.gap.value == pytest.approx(gap_s, abs=1e-9)
    assert np.max(np.abs(longest - burst.gap.value)) <= burst.gap.uncertainty
    assert burst.gap.uncertainty < 1e-4 * gap_s + 2e-8
    assert next(generator.edges(), None) is None, "it was stopped"


@pytest.mark.parametrize("model", ["pendulum_cnt91", "rigol_dp832", "keysight_infiniivision"])
@pytest.mark.parametrize("fault", ["mute", "close", "half", "garbage"])
def test_one_bad_answer_is_named_and_the_next_is_in_step(model: str, fault: str) -> None:
    with Served(VIRTUAL[model]()) as served:
        identity = make(model, served.link, CLOCK).identity()
        served.misbehave(fault)
        with pytest.raises(InstrumentError, match="instrument"):
            make(model, served.link, CLOCK).identity()

        assert make(model, served.link, CLOCK).identity() == identity


@pytest.mark.parametrize("model", VIRTUAL)
def test_a_late_answer_is_never_taken_for_the_next(model: str) -> None:
    with Served(VIRTUAL[model](), timeout_s=0.2) as served:
        served.misbehave("delay", 3.0)
        with pytest.raises(InstrumentError):
            served.link.query("SYST:VERS?")
        served.misbehave("delay", 0)

        assert make(model, served.link, CLOCK).identity().count(",") == 3


@pytest.mark.parametrize("model", COUNTERS)
def test_late_answers_widen_the_bracket_of_the_clocks_and_change_no_stamp(model: str) -> None:
    virtual = VIRTUAL[model]()
    with Served(virtual, timeout_s=2.0) as served:
        counter = make(model, served.link, CLOCK)
        counter.start()
        served.misbehave("delay", 0.03)
        served.misbehave("jitter", 0.02)
        # The heartbeat is alive when the stamps are asked for: *ESR? comes first, 0.03 s at least.
        last_s = CLOCK.now() + 0.03
        beat(virtual, [last_s - 0.0374, last_s])
        stamps = counter.drain()
        correlation = counter.correlate()

    assert np.diff(stamps) == pytest.approx([0.0374], abs=1e-9)
    assert correlation.error_s > 0.07
    # Rig time of the last edge is known: the bracket must hold it.
    assert abs(stamps[-1] + correlation.offset_s - last_s) <= correlation.error_s


@pytest.mark.parametrize("model", VIRTUAL)
def test_a_restart_in_mid_run_is_noticed_and_named(model: str) -> None:
    """First as a lost connection; and, had nobody looked, still as what it is."""
    with Served(VIRTUAL[model]()) as served:
        instrument = make(model, served.link, CLOCK)
        begin(model, instrument)
        served.misbehave("power-cycle")
        with pytest.raises(InstrumentError, match="connection"):
            run(model)(instrument)
        with pytest.raises(InstrumentError, match="restarted"):
            run(model)(instrument)


@pytest.mark.parametrize("model", VIRTUAL)
def test_without_a_restart_the_run_goes_on(model: str) -> None:
    """The partner of the test above: it can fail."""
    with Served(VIRTUAL[model]()) as served:
        instrument = make(model, served.link, CLOCK)
        begin(model, instrument)
        for _ in range(2):
            run(model)(instrument)
            begin(model, instrument)


@pytest.mark.parametrize("model", SCOPES)
def test_a_scope_that_was_stopped_is_not_taken_for_one_that_triggered(model: str) -> None:
    with Served(VIRTUAL[model]()) as served:
        scope = make(model, served.link, CLOCK)
        scope.arm(1e-3, 0.2)
        assert scope.gaps(1, Deadline.after(CLOCK, 0.1)) == ()
        with pytest.raises(UsageError, match="armed"):
            scope.gaps(1, Deadline.after(CLOCK, 0.1))


@pytest.mark.parametrize("model", VIRTUAL)
def test_another_model_at_the_address_is_refused(model: str) -> None:
    class Stranger(Instrument):
        identity = "Keysight Technologies,34461A,MY00000009,A.02.14"

    with Served(Stranger()) as served:
        instrument = make(model, served.link, CLOCK)
        with pytest.raises(InstrumentError, match=r"34461A.*wanted a"):
            begin(model, instrument)


@pytest.mark.parametrize("fault", INSTRUMENT_FAULTS)
def test_a_fault_is_met_when_it_has_hit_somebody_not_when_it_is_set(fault: str) -> None:
    instrument = Counter()
    with Served(instrument) as served:
        served.link.query("*IDN?")
        served.misbehave(fault, "0.01" if fault in {"delay", "jitter"} else 1)
        assert instrument.faults.met == 0
        with contextlib.suppress(InstrumentError):
            served.link.query("*IDN?")
        served.link.query("*IDN?")
        assert instrument.faults.met > 0
        instrument.faults.clear()
        assert instrument.faults.met == 0

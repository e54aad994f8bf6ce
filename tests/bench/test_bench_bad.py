# SPDX-License-Identifier: MIT
"""Everything around the board fails once: within a deadline, named, never as a product failure."""

from collections.abc import Callable
from pathlib import Path

import pytest
from labgrid.driver.power import shelly_gen2

from rig.campaign.injector import Injector
from rig.campaign.step import StepResult
from rig.drivers.strategy import Status
from rig.errors import BenchError, BoardError, InstrumentError, PromMissedError
from rig.faults.outcome import Outcome
from rig.faults.plan import parse
from rig.instruments.visa import VisaLink
from rig.place.place import Place
from tests.bench.conftest import Bench

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def link(bench: Bench) -> VisaLink:
    return VisaLink(bench.board["counter"]["visa"], name="counter", timeout_s=0.5)


@pytest.mark.parametrize("fault", ["mute", "close", "half", "garbage"])
def test_an_instrument_that_fails_once_is_named_and_then_in_step_again(
    bench: Bench, link: VisaLink, fault: str
) -> None:
    identity = link.query("*IDN?")
    bench.fault(f"counter.{fault}")
    assert bench.board["faults_met"] == 0, "nobody has asked yet"
    with pytest.raises(InstrumentError, match="counter"):
        link.query("*IDN?")
    assert link.query("SYST:VERS?").strip() == "1999.0"
    assert link.query("*IDN?") == identity
    assert bench.board["faults_met"] == 1


def test_a_late_answer_is_never_taken_for_the_next(bench: Bench, link: VisaLink) -> None:
    bench.fault("counter.delay", 0.8)
    with pytest.raises(InstrumentError):
        link.query("*IDN?")
    bench.fault("counter.delay", 0)
    assert link.query("SYST:VERS?").strip() == "1999.0"


def test_a_counter_that_restarts_in_mid_run_is_named(bench: Bench, place: Place) -> None:
    place.need("counter").start()
    bench.fault("counter.power-cycle")
    with pytest.raises(InstrumentError, match="connection"):
        place.need("counter").drain()
    for _ in range(2):
        with pytest.raises(InstrumentError, match="restarted"):
            place.need("counter").drain()
    place.need("counter").start()
    assert place.need("counter").drain().size == 0


def test_a_supply_that_restarts_takes_the_board_with_it_and_is_named(
    bench: Bench, place: Place
) -> None:
    place.boot()
    place.need("supply").identity()
    bench.fault("supply.power-cycle")
    assert not bench.board["powered"]
    with pytest.raises(InstrumentError, match="connection"):
        place.need("supply").current()
    with pytest.raises(InstrumentError, match="restarted"):
        place.need("supply").output(True)
    place.need("supply").set_voltage(5.0)
    place.need("supply").output(True)
    place.boot()
    assert place.service.echo() is not None


@pytest.mark.parametrize(
    ("fault", "said"),
    [("pdu.hang", "did not answer"), ("pdu.refuse", "failed to answer"), ("pdu.lie", "reads back")],
)
def test_a_pdu_that_fails_is_the_benchs_failure(
    bench: Bench, tmp_path: Path, fault: str, said: str
) -> None:
    path = bench.place_file(tmp_path, ("deadline_s: 10.0", "deadline_s: 1.0"))
    with Place.open(path) as place:
        place.strategy.transition(Status.off)
        bench.fault(fault)
        with pytest.raises(BenchError, match=said):
            place.power.on()
        bench.fault("clear")


def test_noise_on_the_console_does_not_stop_a_boot(bench: Bench, place: Place) -> None:
    place.strategy.transition(Status.off)
    bench.fault("console.noise", 20)
    place.power.on()
    bench.fault("console.noise", 20)
    place.boot()
    assert place.service.echo() is not None
    bench.fault("console.noise", 20)
    lines, _, code = place.shell.run("echo still here")
    assert (lines[-1], code) == ("still here", 0)


def test_the_prom_is_reached_and_runs_commands(place: Place) -> None:
    place.strategy.transition(Status.prom)
    lines, _, code = place.strategy.prom.run("printenv slot")
    assert (lines[-1], code) == ("slot=a", 0)
    place.strategy.transition(Status.linux)
    assert place.service.echo() is not None


def test_a_key_that_comes_too_late_for_the_prom_is_the_benchs_failure(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(place.strategy.prom, "interrupt", "")
    with pytest.raises(PromMissedError, match="looked for a key 4 times"):
        place.strategy.transition(Status.prom)


def test_a_boot_loop_is_the_boards_failure_and_ends(bench: Bench, place: Place) -> None:
    bench.fault("board.boot-loop")
    with pytest.raises(BoardError, match="boot loop"):
        place.boot()


def test_a_board_that_never_comes_back_is_the_boards_failure(bench: Bench, tmp_path: Path) -> None:
    bench.fault("board.never-back")
    path = bench.place_file(tmp_path, ("boot_limit_s: 90.0", "boot_limit_s: 3.0"))
    with Place.open(path) as place:
        place.power_path.feed()
        place.strategy.transition(Status.off)
        with pytest.raises(BoardError, match=r"within 3\.\d s"):
            place.boot()
    assert not bench.board["powered"], "a board that failed is left off"


@pytest.mark.parametrize("tool", ["qemu", "nbdkit"])
def test_a_dying_emulator_is_seen_in_the_status(bench: Bench, place: Place, tool: str) -> None:
    place.boot()
    bench.fault(f"{tool}.kill")
    deadline_s = place.clock.now() + 10.0
    while not bench.board["faults"]:
        assert place.clock.now() < deadline_s, f"nobody noticed that {tool} died"
        place.clock.sleep(0.05)
    assert "ended with" in bench.board["faults"][0]


def run_step(
    place: Place, folder: Path, during: Callable[[], None], limit_s: float = 180.0
) -> StepResult:
    """Run one upgrade in which `during` is called when the slot is being written."""
    done: list[bool] = []

    def on_event(event: object) -> None:
        if getattr(event, "event", "") == "progress" and not done:
            done.append(True)
            during()

    place.boot()
    with place.watch(folder, with_feed=True) as watch:
        injector = Injector(place, watch, on_event)
        to = place.catalogue.release("2.0.0")
        return injector.upgrade("up", to, parse("none"), limit_s=limit_s).settle()


def test_an_interposer_that_hangs_makes_the_step_a_bench_outcome(
    bench: Bench, place: Place, tmp_path: Path
) -> None:
    result = run_step(place, tmp_path / "raw", lambda: bench.fault("interposer.mute", 50))
    bench.fault("clear")
    assert result.outcome is Outcome.bench
    assert result.error is not None
    assert "the lab" in result.error
    assert not bench.board["powered"], "the board is left off"


@pytest.mark.parametrize("tool", ["qemu", "nbdkit"])
def test_an_emulator_that_dies_in_an_upgrade_is_never_the_boards_failure(
    bench: Bench, place: Place, tmp_path: Path, tool: str
) -> None:
    """The supply tells: a board that is fed and draws nothing says nothing of its software."""
    result = run_step(place, tmp_path / "raw", lambda: bench.fault(f"{tool}.kill"), limit_s=20.0)
    assert result.outcome is Outcome.bench
    assert result.error is not None
    assert "draws 0.000 A" in result.error


def test_a_supply_that_restarts_in_an_upgrade_is_named_though_its_current_was_being_read(
    bench: Bench, place: Place, tmp_path: Path
) -> None:
    """Whoever reads the current meets the broken connection first, and must not keep the news."""
    place.need("supply").identity()

    result = run_step(place, tmp_path / "raw", lambda: bench.fault("supply.power-cycle"))

    place.need("supply").set_voltage(5.0)  # as the lab does, for the tests that follow
    place.need("supply").output(True)
    assert result.outcome is Outcome.bench
    assert result.error is not None
    assert "restarted" in result.error


def test_power_that_somebody_else_takes_in_an_upgrade_is_the_benchs_failure(
    bench: Bench, place: Place, tmp_path: Path
) -> None:
    """The board comes back whole on the old release: that must not be held against it."""

    def somebody_else() -> None:
        host = f"http://127.0.0.1:{bench.endpoints.pdu}"
        shelly_gen2.power_set(host, None, 0, value=False)
        place.clock.sleep(0.5)
        shelly_gen2.power_set(host, None, 0, value=True)

    result = run_step(place, tmp_path / "raw", somebody_else)

    assert result.outcome is Outcome.bench
    assert result.error is not None
    assert "drew no current for" in result.error
    assert "whoever else switches it" in result.error


def test_a_supply_that_the_rig_has_cut_is_given_back(bench: Bench, tmp_path: Path) -> None:
    """A run that is broken off while the power is gone must not leave the next one in the dark."""
    path = bench.place_file(tmp_path)
    with Place.open(path) as place:
        place.boot()
        place.power_path.cut()
        assert not place.need("supply").is_on()
    assert not bench.board["powered"]
    with Place.open(path) as place:
        assert place.need("supply").is_on()
        place.boot()


@pytest.mark.parametrize("what", ["outlet", "supply"])
def test_power_that_somebody_else_leaves_off_in_an_upgrade_is_the_benchs_failure(
    bench: Bench, place: Place, tmp_path: Path, what: str
) -> None:
    """A board that never comes back is not dead as long as nobody feeds it."""

    def somebody_else() -> None:
        if what == "supply":
            place.need("supply").output(False)
        else:
            shelly_gen2.power_set(f"http://127.0.0.1:{bench.endpoints.pdu}", None, 0, value=False)

    result = run_step(place, tmp_path / "raw", somebody_else)

    place.power_path.feed()
    assert result.outcome is Outcome.bench
    assert result.error is not None
    assert f"{what} is off, which is not the rig's doing" in result.error


def test_a_counter_that_talks_garbage_makes_the_step_a_bench_outcome(
    bench: Bench, place: Place, tmp_path: Path
) -> None:
    result = run_step(place, tmp_path / "raw", lambda: bench.fault("counter.garbage", 50))
    bench.fault("clear")
    assert result.outcome is Outcome.bench
    assert result.error is not None
    assert "counter" in result.error


def test_a_cut_is_judged_with_both_instruments(place: Place, tmp_path: Path) -> None:
    place.boot()
    with place.watch(tmp_path / "raw", with_feed=True) as watch:
        injector = Injector(place, watch)
        plan = parse("cut@op:60/before")
        result = injector.upgrade("cut", place.catalogue.release("2.0.0"), plan).settle()
    assert result.outcome is Outcome.old
    assert (result.cut.operation, result.operations) == (60, 60)
    assert result.outages is not None
    traffic, counter = result.outages.traffic, result.outages.counter
    # Both saw it; whether to the millisecond depends on what else this computer does.
    assert counter is not None
    assert traffic.value > 0.3
    assert 0.5 < traffic.value / counter.value < 2.0
    assert result.outages.unfed is not None, "the supply saw that the power was gone"
    assert 0 < result.outages.unfed.value < traffic.value


def test_a_board_that_is_not_fed_is_not_blamed_on_the_proms_way(
    place: Place,
) -> None:
    place.strategy.prom.login_timeout_s = 3.0
    place.need("supply").output(False)

    with pytest.raises(BenchError, match="supply is off, which is not the rig's doing"):
        place.strategy.transition(Status.prom)
    place.need("supply").output(True)


def test_a_prom_whose_prompt_never_comes_is_the_boards_failure(place: Place) -> None:
    """The partner: this board is fed."""
    place.strategy.prom.login_timeout_s = 3.0
    place.strategy.prom.prompt = "another=> "

    with pytest.raises(BoardError, match="another=> "):
        place.strategy.transition(Status.prom)


def test_a_kernel_that_talks_into_every_line_does_not_harm_an_upgrade(
    bench: Bench, place: Place
) -> None:
    """As JFFS2 does with a flash that gets old: in PROM, boot, login, update and acceptance."""
    bench.fault("console.printk", 10)

    pending = Injector(place, None).upgrade("up", place.catalogue.release("2.0.0"), parse("none"))
    result = pending.settle()

    assert bench.board["faults_met"] > 50
    assert (result.outcome, result.ended_on) == (Outcome.new, "done"), result.error
    assert result.boots == 1

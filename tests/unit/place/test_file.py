# SPDX-License-Identifier: MIT
"""A place file with a mistake is refused by file and key."""

import json
from pathlib import Path

import pytest
from labgrid import Environment

from rig.errors import UsageError
from rig.place.file import check, load, require

PLACES = Path(__file__).resolve().parents[3] / "places"
VIRTUAL = (PLACES / "virtual.yaml").read_text()


@pytest.mark.parametrize("name", ["virtual.yaml", "walnut-1.yaml"])
def test_our_own_places_are_good(name: str) -> None:
    assert check(PLACES / name) == []


def test_an_older_file_imports_the_strategy_under_its_old_name(tmp_path: Path) -> None:
    """It is still a file of ours alone: a key that is almost one of ours is refused."""
    path = tmp_path / "place.yaml"
    older = VIRTUAL.replace("  - rig.drivers\n", "  - rig.drivers\n  - rig.strategy\n")
    path.write_text(older)
    assert check(path) == []
    path.write_text(f"{older}odd: 1\n")
    assert "unknown key 'odd'" in check(path)[0]


def test_an_older_file_calls_the_interrupter_a_gate(tmp_path: Path) -> None:
    path = tmp_path / "place.yaml"
    older = VIRTUAL.replace("walnut_interrupter", "walnut_gate")
    for was, is_now in (
        ("name: gate,", "name: interrupter,"),
        ("port: gate}", "port: interrupter}"),
    ):
        assert is_now in older
        older = older.replace(is_now, was)
    path.write_text(older)
    assert load(path).instruments == load(PLACES / "virtual.yaml").instruments


@pytest.mark.parametrize(
    ("good", "bad", "complaint"),
    [
        ("port: 29107", "prot: 29107", "targets.main.resources.BoardService.prot: unknown key"),
        ("port: 29107", "port: many", "targets.main.resources.BoardService.port: 'many'"),
        ("PromDriver:", "PromDrivr:", "unknown 'PromDrivr'; did you mean 'PromDriver'?"),
        ("targets:", "tragets:", "tragets: unknown key 'tragets'; did you mean 'targets'?"),
        ("      SerialDriver: {}\n", "", "targets.main has no SerialDriver"),
        ("speed: 115200}", "speed: 115200", "not YAML"),
        ("deadline_s: 10.0", "deadline_s: soon", "CheckedPowerDriver.deadline_s: 'soon'"),
        (
            "model: keysight_53230a",
            "model: keysight_53220a",
            "unknown instrument model 'keysight_53220a'; did you mean 'keysight_53230a'?",
        ),
        (
            "InstrumentDriver: {name: counter,",
            "InstrumentDriver: {name: conter,",
            "no instrument of the rig's is called 'conter'; did you mean 'counter'?",
        ),
    ],
)
def test_a_mistake_is_named_with_file_and_key(
    tmp_path: Path, good: str, bad: str, complaint: str
) -> None:
    assert good in VIRTUAL
    path = tmp_path / "place.yaml"
    path.write_text(VIRTUAL.replace(good, bad))
    with pytest.raises(UsageError) as refused:
        require(path)
    assert complaint in str(refused.value)
    assert str(path) in str(refused.value)


def test_a_limit_that_cannot_be_read_is_named_and_a_good_one_is_described(tmp_path: Path) -> None:
    limit = {"figure": "T2", "from": "1.0.0", "max_s": 5.0, "source": "REQ-1"}
    good = tmp_path / "good.yaml"
    good.write_text(with_limits(limit))
    bad = tmp_path / "bad.yaml"
    bad.write_text(with_limits(limit | {"figure": "T9"}))

    assert check(good) == []
    assert check(bad)[0].startswith(f"{bad}: options.limits[1]: figure: 'T9'")
    assert load(good).options["limits"] == [limit]


def with_limits(limit: dict[str, object]) -> str:
    assert "\noptions:\n" in VIRTUAL
    return VIRTUAL.replace("\noptions:\n", f"\noptions:\n  limits: [{json.dumps(limit)}]\n")


def test_the_example_of_limits_on_a_real_bench_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "walnut.yaml"
    text = (PLACES / "walnut-1.yaml").read_text()
    path.write_text(text.replace("  # limits:", "  limits:").replace("  #   - {fig", "    - {fig"))

    assert check(path) == []
    assert len(load(path).options["limits"]) == 3


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert check(tmp_path / "no.yaml") == [f"{tmp_path / 'no.yaml'}: No such file or directory"]


RESERVED = "      RemotePlace: {name: walnut-virtual-1}\n"
EQUIPMENT = "".join(
    f"      {line.strip()}\n"
    for line in VIRTUAL.splitlines()
    if line.strip().startswith(("NetworkSerialPort:", "NetworkPowerPort:"))
)


def test_a_place_of_the_coordinators_needs_no_addresses_but_all_drivers(tmp_path: Path) -> None:
    path = tmp_path / "place.yaml"
    assert EQUIPMENT in VIRTUAL
    text = VIRTUAL.replace(EQUIPMENT, RESERVED)
    path.write_text(text)
    assert check(path) == []

    path.write_text(text.replace("      SerialDriver: {}\n", "").replace("off_s: 1.0", "of_s: 1.0"))
    missing, unknown = sorted(check(path), reverse=True)
    assert "targets.main.drivers.CheckedPowerDriver.of_s: unknown key" in missing + unknown
    assert "targets.main has no SerialDriver" in missing + unknown


def test_a_place_may_have_every_kind_of_instrument(tmp_path: Path) -> None:
    path = tmp_path / "place.yaml"
    resources = """\
      - ScpiInstrument: {name: generator, visa: 'TCPIP0::192.0.2.43::5025::SOCKET', \
model: keysight_33500b}
      - ScpiInstrument: {name: oscilloscope, visa: 'TCPIP0::192.0.2.44::5555::SOCKET', \
model: rigol_ds1000z}
      - SigrokDevice: {driver: demo, channels: 'D0,D1'}
    drivers:
      - InstrumentDriver: {name: generator, bindings: {port: generator}}
      - InstrumentDriver: {name: oscilloscope, bindings: {port: oscilloscope}}
      - SigrokDriver: {}
      - HeartbeatAnalyserDriver: {name: analyser, channel: D1, rate_hz: 10000}
"""
    head, bench, tail = VIRTUAL.rpartition("    drivers:\n")
    assert "bench:" in head
    text = (head + resources + tail).replace("../firmware", str(PLACES.parent / "firmware"))
    path.write_text(text)
    assert bench
    assert check(path) == []

    target = Environment(str(path)).get_target("bench")
    models = {}
    for driver in target.drivers:
        if driver.name in {"generator", "oscilloscope", "analyser"}:
            target.activate(driver)
            models[driver.name] = type(driver.instrument).__name__
    target.cleanup()

    assert models == {
        "generator": "Keysight33500B",
        "oscilloscope": "RigolDS1000Z",
        "analyser": "HeartbeatAnalyserDriver",
    }


def test_what_a_place_has_is_what_its_bench_has_a_driver_for(tmp_path: Path) -> None:
    without_bench = tmp_path / "place.yaml"
    board, _, rest = VIRTUAL.partition("  bench:\n")
    without_bench.write_text(f"{board}options:{rest.partition('options:')[2]}")

    assert load(PLACES / "virtual.yaml").instruments == {
        *("counter", "supply", "interposer", "interrupter"),
    }
    assert load(without_bench).instruments == set()
    with pytest.raises(UsageError, match="no interposer among the drivers of its bench: to cut"):
        load(PLACES / "walnut-1.yaml").need_instrument("interposer", "to cut")

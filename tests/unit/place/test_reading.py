# SPDX-License-Identifier: MIT
"""A place file is read as labgrid reads it; what cannot be used is refused by file and key."""

from pathlib import Path

import pytest
from labgrid import Environment

from rig.cli import main
from rig.errors import UsageError
from rig.place.file import check, environment, load, require

PLACES = Path(__file__).resolve().parents[3] / "places"
VIRTUAL = (PLACES / "virtual.yaml").read_text()
CONSOLE = "NetworkSerialPort: {host: 127.0.0.1, port: 29101, speed: 115200}"
OUTLET = "NetworkPowerPort: {model: shelly_gen2, host: 'http://127.0.0.1:29103', index: 0}"
POWER = "CheckedPowerDriver: {deadline_s: 10.0, off_s: 1.0}"
EXTERNAL = "ExternalPowerDriver: {cmd_on: 'on', cmd_off: 'off'}"
DRIVERS = VIRTUAL[VIRTUAL.index("      SerialDriver") : VIRTUAL.index("  bench:")]
BENCH = VIRTUAL[VIRTUAL.index("  bench:") : VIRTUAL.index("options:")]


def place(folder: Path, *changes: tuple[str, str], name: str = "place.yaml") -> Path:
    text = VIRTUAL
    for old, new in changes:
        assert old in text, f"places/virtual.yaml has no {old!r}"
        text = text.replace(old, new, 1)
    path = folder / name
    path.write_text(text)
    return path


def importing(module: str) -> tuple[str, str]:
    """Return the change by which a place file imports one more module."""
    return "  - rig.drivers\n", f"  - rig.drivers\n  - {module}\n"


def test_what_labgrid_takes_from_the_environment_the_rig_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LG_BOARD", "192.0.2.1")
    monkeypatch.setenv("RELEASES", str(tmp_path / "releases"))
    path = place(
        tmp_path,
        ("{host: 127.0.0.1, port: 29101", "{host: !template $LG_BOARD, port: 29101"),
        ("../firmware/out/index.json", "$RELEASES/index.json"),
        (
            "board: 'stand-in",
            "coordinator_address: !template '$LG_BOARD:20408'\n  board: 'stand-in",
        ),
    )
    home = place(tmp_path, ("../firmware/out/index.json", "~/index.json"), name="home.yaml")

    assert check(path) == []
    opened = Environment(str(path))
    assert load(path).firmware_index == tmp_path / "releases" / "index.json"
    assert str(load(path).firmware_index) == opened.config.get_image_path("firmware")
    assert load(path).options["coordinator_address"] == "192.0.2.1:20408"
    assert opened.get_target("main").get_resource("NetworkSerialPort").host == "192.0.2.1"
    assert load(home).firmware_index == Path.home() / "index.json"


def test_a_variable_that_is_not_set_is_named(tmp_path: Path) -> None:
    template = place(
        tmp_path, ("{host: 127.0.0.1, port: 29101", "{host: !template $LG_NO, port: 1")
    )
    image = place(tmp_path, ("../firmware/out", "$NO_SUCH/out"), name="image.yaml")

    assert "refers to unknown variable 'LG_NO'" in check(template)[0]
    (why,) = check(image)
    assert "images.firmware" in why
    assert "$NO_SUCH/out/index.json: a variable in it is not set" in why


@pytest.mark.parametrize(
    ("good", "bad", "complaint"),
    [
        ("\noptions:\n  board:", "\noptions:\n  - board:", "options: a list, not a mapping"),
        ("\n  board: 'stand-in", "\n#", "options: nothing, not a mapping"),
        (
            "images:\n  firmware: ../",
            "images: ../",
            "images: the text '../firmware/out/index.json'",
        ),
        ("firmware: ../firmware/out/index.json", "firmware: [a, b]", "images.firmware: a list"),
        ("imports:\n  - rig.drivers", "imports: rig.drivers #", "imports: the text"),
        ("images:", "tools: [a]\nimages:", "tools: a list, not a mapping"),
        ("\n  board:", "\n  require_verifed: true\n  board:", "did you mean 'require_verified'?"),
        ("\n  board:", "\n  limit: []\n  board:", "options.limit: unknown key"),
        ("\n  board:", "\n  colour: red\n  board:", "options.colour: unknown key 'colour'"),
        ("\n  board:", "\n  verified_for_h: soon\n  board:", "'soon' is not a number of hours"),
        ("\n  board:", "\n  require_verified: 'no'\n  board:", "'no' is not true or false"),
        ("\n  board:", "\n  limits: T2\n  board:", "options.limits: a list of limits"),
        (
            "  main:\n",
            "  main:\n    options: {require_verified: true}\n",
            "targets.main.options: the rig reads `options` at the top of the file only",
        ),
        ("SerialDriver: {}", "SerialDriver:", "SerialDriver: is empty: write `SerialDriver: {}`"),
        (
            "SerialDriver: {}",
            "SerialDriver: 3",
            "targets.main.drivers.SerialDriver: 3 is no mapping",
        ),
        ("speed: 115200}", "protocol: telnet}", "SerialDriver: SerialDriver: unknown protocol"),
        ("model: shelly_gen2", "model: shelly_gen9", "No module named"),
        ("{port: interrupter}", "{port: gates}", "targets.bench.drivers.InstrumentDriver"),
        ("{port: interrupter}", "gate", "InstrumentDriver.bindings: the text 'gate' is no mapping"),
        (f"      {CONSOLE}\n", "", "it takes NetworkSerialPort or SerialPort as `port`"),
        (CONSOLE, "RawSerialPort: {speed: 9600}", "RawSerialPort must be configured with a port"),
        (
            CONSOLE,
            "USBSerialPort: {match: {ID_SERIAL_SHORT: 12345}}",
            "match.ID_SERIAL_SHORT: 12345",
        ),
        ("prompt: 'root@walnut:[^ ]*# '", "prompt: 'root@walnut:['", "no regular expression"),
        (
            POWER,
            "ManualPowerDriver: {}",
            "targets.main.drivers.ManualPowerDriver: it asks a person",
        ),
        (
            POWER,
            "ManualSwitchDriver: {}\n      DigitalOutputPowerDriver: {}",
            "targets.main.drivers.DigitalOutputPowerDriver: it asks a person",
        ),
        (f"      {POWER}\n", "", "targets.main has no CheckedPowerDriver, nor another driver of a"),
        ("username: root}", "username: root, keyfile: k}", "keyfile: the rig does not use it"),
        ("login_timeout_s: 30.0}", "login_timeout: 30}", "write login_timeout_s"),
        (
            "login_timeout_s: 30.0}",
            "init_commands: version}",
            "'version' will not do: it is a list",
        ),
        ("off_s: 1.0}", "delay: 1.0}", "CheckedPowerDriver.delay: the rig does not use it: write"),
    ],
)
def test_what_cannot_be_used_is_refused_by_file_and_key(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], good: str, bad: str, complaint: str
) -> None:
    path = place(tmp_path, (good, bad))

    with pytest.raises(UsageError) as refused:
        require(path)
    assert complaint in str(refused.value)
    assert str(refused.value).startswith(str(path))
    assert main(["doctor", "--offline", "--place", str(path)]) == 2
    assert complaint in capsys.readouterr().out


@pytest.mark.parametrize(
    "changes",
    [
        [(CONSOLE, "RawSerialPort: {port: /dev/ttyUSB0, speed: 115200}")],
        [(CONSOLE, "USBSerialPort: {match: {ID_SERIAL_SHORT: FT0000AA}, speed: 115200}")],
        [("speed: 115200}", "protocol: raw}")],
        [(f"      {CONSOLE}\n", ""), ("SerialDriver: {}", "ExternalConsoleDriver: {cmd: cat}")],
        [(POWER, "NetworkPowerDriver: {delay: 1.0}")],
        [(POWER, f"NetworkPowerDriver: {{}}\n      {POWER}")],
        [(f"      {OUTLET}\n", ""), (POWER, "ExternalPowerDriver: {cmd_on: 'on', cmd_off: 'off'}")],
        [(OUTLET, "PDUDaemonPort: {host: h, pdu: p, index: 1}"), (POWER, "PDUDaemonDriver: {}")],
        [(f"      {OUTLET}\n", ""), (POWER, f"{EXTERNAL}\n      DeadlinePowerDriver: {{}}")],
        [(CONSOLE, "mine: {cls: NetworkSerialPort, name: main, host: h, port: 1}")],
        [("SerialDriver: {}", "line: {cls: SerialDriver}")],
        [(BENCH, "  bench:\n")],
    ],
    ids=lambda changes: changes[0][1][:40],
)
def test_whatever_gives_labgrids_protocols_is_taken(
    tmp_path: Path, changes: list[tuple[str, str]]
) -> None:
    path = place(tmp_path, *changes)

    assert check(path) == []
    target = environment(path).get_target("main")
    strategy = target.get_driver("WalnutStrategy", activate=False)
    assert strategy.console is strategy.prom.console is strategy.shell.console
    assert strategy.power.deadline_s > 0
    require(path)


def test_resources_and_drivers_that_are_no_entries_are_named(tmp_path: Path) -> None:
    path = tmp_path / "place.yaml"
    path.write_text("targets: {main: {resources: 5, drivers: [SerialDriver]}}")
    resources, drivers = check(path)[:2]

    assert "targets.main.resources: 5 is neither a mapping nor a list" in resources
    assert "targets.main.drivers: invalid list item type" in drivers


def test_a_list_of_classes_is_read_as_labgrid_reads_it(tmp_path: Path) -> None:
    path = place(
        tmp_path,
        ("- InstrumentDriver: {name: counter,", "- {cls: InstrumentDriver, name: counter,"),
    )

    assert check(path) == []
    assert "counter" in load(path).instruments


DRIVER = """\
import attr
from labgrid.factory import target_factory
from labgrid.driver import Driver
from labgrid.protocol import PowerProtocol

@target_factory.reg_driver
@attr.s(eq=False)
class {name}(Driver, PowerProtocol):
    volts = attr.ib(default=5.0, converter=float)
    def on(self): pass
    def off(self): pass
    def cycle(self): pass
"""


@pytest.mark.parametrize("by_path", [True, False])
def test_drivers_of_the_files_own_imports_are_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, by_path: bool
) -> None:
    name = f"Lab{'Path' if by_path else 'Module'}Driver"
    module = tmp_path / f"lab_{name.lower()}.py"
    module.write_text(DRIVER.format(name=name))
    monkeypatch.syspath_prepend(tmp_path)
    imports = importing(module.name if by_path else module.stem)
    path = place(tmp_path, (POWER, f"{name}: {{volts: 12}}"), imports)
    wrong = place(tmp_path, (POWER, f"{name}: {{volt: 12}}"), imports, name="wrong.yaml")

    assert check(path) == check(path) == []
    assert environment(path).get_target("main").get_driver(name, activate=False).volts == 12.0
    assert f"targets.main.drivers.{name}.volt: unknown key 'volt'; did you mean" in check(wrong)[0]


def test_options_may_be_those_of_the_files_own_imports(tmp_path: Path) -> None:
    (tmp_path / "lab_options.py").write_text("")
    imports = importing("lab_options.py")
    path = place(tmp_path, imports, ("\n  board:", "\n  rack: 7\n  board:"))
    near = place(tmp_path, imports, ("\n  board:", "\n  bord:"), name="near.yaml")

    assert check(path) == []
    assert "options.bord: unknown key 'bord'; did you mean 'board'?" in check(near)[0]


def test_an_import_that_cannot_be_loaded_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken_lab.py").write_text("1 / 0\n")
    broken = place(tmp_path, importing("broken_lab.py"))
    missing = place(tmp_path, importing("no.such_module"), name="missing.yaml")

    assert "broken_lab.py' cannot be loaded: ZeroDivisionError" in check(broken)[0]
    assert "imports: 'no.such_module' cannot be loaded: ModuleNotFoundError" in check(missing)[0]


def test_without_a_console_the_equipment_can_be_asked_and_nothing_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = place(tmp_path, (f"      {CONSOLE}\n", ""), (DRIVERS, f"      {POWER}\n"))

    assert check(path) == []
    assert main(["doctor", "--offline", "--place", str(path)]) == 0
    said = capsys.readouterr().out
    assert f"mind {path} has a console" in said
    assert "targets.main has no driver of a console" in said
    assert "no cycle, demo, reset, sweep" in said
    with pytest.raises(UsageError, match="no driver of a console"):
        require(path)

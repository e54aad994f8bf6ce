# SPDX-License-Identifier: MIT
"""`rig doctor`: checks that this computer can run the rig and that a place answers."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from labgrid.protocol import PowerProtocol

from rig.drivers.console_port import ConsolePort
from rig.drivers.console_port import check as check_port
from rig.drivers.power import checked
from rig.drivers.strategy import WalnutStrategy
from rig.drivers.within import activate
from rig.errors import RigError, UsageError
from rig.place import computer
from rig.place.computer import Check, Wanted
from rig.place.file import INSTRUMENTS, NO_CONSOLE, OLD_NAMES, environment, load
from rig.place.remote import main_target
from rig.secrecy import hide

PYSERIAL_PARTS = 4  # pyserial-labgrid's versions have four parts, the stock one's two


def examine(places: list[Path], wanted: Wanted, *, offline: bool) -> bool:
    """Print one line for each check; True when none fails.

    Without a place it is this computer that is looked at, as the virtual bench will need it.
    """
    good = True
    for seen in _checks(places, wanted, offline=offline):
        good = good and not (seen.act and seen.fails)
        print(hide(str(seen)))  # noqa: T201 # the command's output
        for line in seen.act.splitlines():
            print(hide(f"       {line}"))  # noqa: T201
    return good


def _checks(places: list[Path], wanted: Wanted, *, offline: bool) -> Iterator[Check]:
    yield Check(name="pyserial is labgrid's", act=_pyserial() or "")
    yield Check(name="pyvisa has a library", act=_attempt(_visa) or "")
    if not places:
        yield from computer.checks(wanted)
    for path in places:
        try:
            place, wrong = load(path), ""
        except UsageError as error:
            place, wrong = None, str(error)
        yield Check(name=f"{path} is a place file", act=wrong)
        if place and not place.has_console:
            yield Check(name=f"{path} has a console", act=NO_CONSOLE, fails=False)
        if place and not offline:
            for name, why in _equipment(path):
                yield Check(name=name, act=why or "")


def _pyserial() -> str | None:
    import serial  # noqa: PLC0415 # only here

    if len(serial.__version__.split(".")) == PYSERIAL_PARTS:
        return None
    return (
        f"serial {serial.__version__} is the stock pyserial: RFC 2217 consoles are slow and lose "
        "their first lines.  Another package has brought it; `pip uninstall -y pyserial`, then "
        "`pip install --force-reinstall --no-deps pyserial-labgrid` puts labgrid's back"
    )


def _visa() -> None:
    import pyvisa  # noqa: PLC0415 # only here

    pyvisa.ResourceManager("@py").close()


def _attempt(act: Callable[[], Any]) -> str | None:
    try:
        act()
    except (RigError, OSError, ValueError, ImportError) as error:
        return str(error)
    return None


def _equipment(path: Path) -> Iterator[tuple[str, str | None]]:
    """Ask every piece of equipment of a place who it is; the board is left as it is."""
    opened = environment(path)
    wrong = _attempt(lambda: main_target(opened))
    if wrong is not None:  # else it is no news: only a RemotePlace can be somebody else's
        yield f"{path} is yours to use", wrong
        return
    yield from _board(opened.get_target("main"))
    bench = opened.get_target("bench")
    for driver in bench.drivers if bench else ():

        def ask(driver: Any = driver) -> None:  # noqa: ANN401 # labgrid is untyped
            bench.activate(driver)
            driver.instrument.identity()

        if driver.name in {
            *INSTRUMENTS,
            *OLD_NAMES,
        }:  # others, such as a SigrokDriver, serve one of these
            yield f"{driver.name} {_described(driver)}", _attempt(ask)
    opened.cleanup()


def _board(main: Any) -> Iterator[tuple[str, str | None]]:  # noqa: ANN401 # labgrid is untyped
    """Look for the board's console and power switch."""
    found = [driver for driver in main.drivers if isinstance(driver, WalnutStrategy)]
    for strategy in found:
        where = ConsolePort.of(strategy.console).where
        yield f"console {where} is reachable", _attempt(partial(check_port, strategy.console))
        yield _power(strategy.power)
    # A place without a console has no strategy.
    switches = [driver for driver in main.drivers if isinstance(driver, PowerProtocol)]
    if switches and not found:
        yield _power(checked(switches[0]))


def _power(power: Any) -> tuple[str, str | None]:  # noqa: ANN401
    answers: list[bool | None] = []

    def ask() -> None:
        activate(power, power.where)
        answers.append(power.get())

    wrong = _attempt(ask)
    if answers == [None]:
        return f"{power.where} is told, and cannot be asked: nothing is read back", None
    return f"{power.where} answers", wrong


def _described(driver: Any) -> str:  # noqa: ANN401
    """Say where an instrument is and what it is to be."""
    port = getattr(driver, "port", None)
    return f"{port.visa} is a {port.model}" if port else "answers"

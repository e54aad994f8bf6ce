# SPDX-License-Identifier: MIT
"""A place file, read through labgrid's own loader, and what is wrong with it by file and key."""

import importlib
import math
import sys
import types
from collections import UserString
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import Any, Self

import yaml
from labgrid import Environment
from labgrid.config import Config
from labgrid.exceptions import InvalidConfigError
from labgrid.protocol import ConsoleProtocol, PowerProtocol
from labgrid.util.yaml import load as load_yaml

from rig import drivers  # registers drivers and strategy
from rig.errors import UsageError
from rig.measure.limits import complaints
from rig.place.entries import (
    Entry,
    closest,
    near,
    read,
    shown,
    unknown,
    wrong_bindings,
    wrong_values,
)

TOP = {"targets", "images", "imports", "options", "tools", "paths", "features"}
TARGET = {"resources", "drivers", "features", "options"}
MAPPINGS = ("targets", "images", "options", "tools", "paths")
NEEDED_DRIVERS = ("PromDriver", "WalnutShellDriver", "WalnutStrategy")
NEEDED_RESOURCES = ("BoardService", "BundleServer")
INSTRUMENTS = (  # what the rig looks for on a bench, by name
    *("counter", "supply", "interposer", "interrupter", "generator", "oscilloscope", "analyser"),
)
OLD_NAMES = {"gate": "interrupter"}  # as older place files call them
LIMITS_OPTION = "limits"  # of a place file's `options`
AGE_OPTION = "verified_for_h"
REQUIRE_OPTION = "require_verified"
REGISTERED = (drivers.__name__, "rig.strategy")  # the second: older place files
NO_CONSOLE = (
    "targets.main has no driver of a console: `rig doctor` can ask its equipment, but no PROM can"
    " be stopped and nobody can log in, so there is no cycle, demo, reset, sweep, replay, mismatch,"
    " rescue or verification"
)


def _is_hours(value: object) -> bool:
    return type(value) in {int, float} and 0 < float(str(value)) < math.inf


OPTIONS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "board": ("a text", lambda value: isinstance(value, str | UserString)),
    LIMITS_OPTION: ("a list", lambda _: True),  # judged by rig.measure.limits
    AGE_OPTION: ("a number of hours", _is_hours),
    REQUIRE_OPTION: ("true or false", lambda value: isinstance(value, bool)),
    "coordinator_address": ("a text", lambda value: isinstance(value, str)),
}


class PlaceEnvironment(Environment):  # type: ignore[misc] # labgrid is untyped
    """labgrid's environment, whose imports are loaded once in a process.

    labgrid runs a `.py` file anew for each environment, and a class can be registered only once.
    """

    def __attrs_post_init__(self) -> None:
        self.targets: dict[str, Any] = {}
        self.config = Config(self.config_file)
        for name in self.config.get_imports():
            _import(name)


def _import(name: str) -> None:
    """Load one of a file's `imports`, as labgrid does.

    Raises:
        UsageError: it cannot be loaded.
    """
    try:
        if not name.endswith(".py"):
            importlib.import_module(name)
            return
        stem = Path(name).stem
        if getattr(sys.modules.get(stem), "__file__", None) == name:
            return
        loader = SourceFileLoader(stem, name)
        module = types.ModuleType(stem)
        module.__file__ = name
        loader.exec_module(module)
        sys.modules[stem] = module
    except Exception as error:  # a module of somebody else's raises anything
        kind = type(error).__name__
        raise UsageError(f"imports: {name!r} cannot be loaded: {kind}: {error}") from error


def environment(path: Path) -> Environment:
    """Return the labgrid environment of a place file, with targets of its own."""
    return PlaceEnvironment(str(path))


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceFile:
    """A place file that was read and found good."""

    path: Path
    options: Mapping[str, Any]
    firmware_index: Path  # of the releases that can be installed
    instruments: frozenset[str]  # of its bench, by name
    has_console: bool

    @classmethod
    def of(cls, path: Path, config: Config) -> Self:
        targets = config.get_targets()
        drivers, _ = read("targets.main", "drivers", targets["main"].get("drivers", {}))
        bench = targets.get("bench") or {}
        instruments, _ = read("targets.bench", "drivers", bench.get("drivers", {}))
        names = [str(entry.values["name"]) for entry in instruments if "name" in entry.values]
        return cls(
            path=path,
            options=config.data.get("options", {}),
            firmware_index=Path(config.get_image_path("firmware")).resolve(),
            instruments=frozenset(OLD_NAMES.get(name, name) for name in names),
            has_console=any(entry.is_a(ConsoleProtocol) for entry in drivers),
        )

    def need_instrument(self, name: str, why: str) -> None:
        """Refuse a place that lacks an instrument.

        Raises:
            UsageError: it does; says what for.
        """
        if name not in self.instruments:
            raise UsageError(f"{self.path} has no {name} among the drivers of its bench: {why}")


def load(path: Path) -> PlaceFile:
    """Read a place file.  Only the file is looked at; no equipment is asked.

    Raises:
        UsageError: it is no place; says all that is wrong with it, by file and key.
    """
    opened, found = _open(path)
    if found or opened is None:
        raise UsageError("\n".join(f"{path}: {line}" for line in found))
    return PlaceFile.of(path, opened.config)


def require(path: Path) -> PlaceFile:
    """Read the file of a place whose board the rig can use.

    Raises:
        UsageError: it is none.
    """
    place = load(path)
    if not place.has_console:
        raise UsageError(f"{path}: {NO_CONSOLE}")
    return place


def check(path: Path) -> list[str]:
    """Return what is wrong with the file, nothing if it is a place."""
    _, found = _open(path)
    return [f"{path}: {line}" for line in found]


def _open(path: Path) -> tuple[Environment | None, list[str]]:
    try:
        with path.open(encoding="utf-8") as stream:
            document = load_yaml(stream)
    except OSError as error:
        return None, [str(error.strerror)]
    except (yaml.YAMLError, UnicodeDecodeError, ValueError) as error:
        return None, [f"not YAML: {' '.join(str(error).split())}"]
    if found := list(_misshapen(document)):
        return None, found
    try:
        opened = environment(path)
    except InvalidConfigError as error:
        why = f"{error}; `!template` takes what the environment has as $LG_…, and $BASE"
        return None, [why]
    except UsageError as error:
        return None, [str(error)]
    return opened, _check_environment(opened)


def _misshapen(document: object) -> Iterator[str]:
    """Say where labgrid's loader would end with an error of Python's."""
    if not isinstance(document, Mapping):
        yield "a place file is a mapping with `targets`"
        return
    for key in MAPPINGS:
        if key in document and not isinstance(document[key], Mapping):
            yield f"{key}: {shown(document[key])}, not a mapping"
    imports = document.get("imports", [])
    if not isinstance(imports, list) or not all(isinstance(name, str) for name in imports):
        yield f"imports: {shown(imports)}, not a list of modules"
    if "targets" not in document:
        yield from unknown("", document, TOP)
    if not isinstance(document.get("targets"), Mapping) or "main" not in document["targets"]:
        yield "targets.main is missing"


def _check_environment(opened: Environment) -> list[str]:
    config = opened.config
    document = config.data
    # An option of somebody else's is for somebody else's drivers.
    foreign = set(config.get_imports()) - set(REGISTERED)
    found = list(_strange("", document, TOP, foreign))
    for name, target in config.get_targets().items():
        found += _check_target(opened, str(name), target, foreign)
    found += _check_image(config)
    return found + list(_check_options(config.data.get("options", {}), foreign))


def _strange(
    key: str, found: Mapping[str, Any], known: set[str], foreign: set[str]
) -> Iterator[str]:
    """Name unknown keys; where others have a say, only those that are nearly one of ours."""
    strange = {name: it for name, it in found.items() if not foreign or closest(str(name), known)}
    yield from unknown(key, strange, known)


def _check_target(opened: Environment, name: str, target: object, foreign: set[str]) -> list[str]:
    where = f"targets.{name}"
    if target is None and name != "main":
        return []  # labgrid has it as no target
    if not isinstance(target, Mapping):
        return [f"{where} is not a mapping"]
    found = list(unknown(where, target, TARGET))
    if "options" in target and not foreign:
        found.append(f"{where}.options: the rig reads `options` at the top of the file only")
    listed: list[Entry] = []
    for part in ("resources", "drivers"):
        entries, wrong = read(where, part, target.get(part, {}))
        listed += entries
        found += wrong
        for entry in entries:
            found += _wrong_name(entry) or wrong_values(entry)
    is_lent = any(entry.class_name == "RemotePlace" for entry in listed)
    if name == "main":
        found += [f"{where} has no {what}" for what in _missing(listed, is_lent=is_lent)]
    # The coordinator knows what else a RemotePlace has.
    return found or ([] if is_lent else wrong_bindings(name, listed, opened))


def _wrong_name(entry: Entry) -> list[str]:
    name = entry.values.get("name")
    if entry.class_name != "InstrumentDriver" or name in {*INSTRUMENTS, *OLD_NAMES}:
        return []
    return [
        f"{entry.key}.name: no instrument of the rig's is called {near(str(name), INSTRUMENTS)}"
    ]


def _missing(entries: list[Entry], *, is_lent: bool) -> Iterator[str]:
    """Say what a board needs that is not there; a place without a console needs nothing."""
    kinds = [entry.kind for entry in entries if entry.kind]
    names = {parent.__name__ for kind in kinds for parent in kind.__mro__}
    has_console = any(issubclass(kind, ConsoleProtocol) for kind in kinds)
    if not has_console and not names & set(NEEDED_DRIVERS):
        return
    if not has_console:
        yield "SerialDriver, nor another driver of a console"
    if not any(issubclass(kind, PowerProtocol) for kind in kinds):
        yield "CheckedPowerDriver, nor another driver of a power switch"
    needed = (*NEEDED_DRIVERS, *(() if is_lent else NEEDED_RESOURCES))
    yield from sorted(set(needed) - names)


def _check_image(config: Config) -> list[str]:
    written = config.data.get("images", {}).get("firmware")
    if written is None:
        return ["images.firmware is missing: the index.json of the releases"]
    if not isinstance(written, str | UserString):
        return [f"images.firmware: {shown(written)}, not a path"]
    found = config.get_image_path("firmware")
    if "$" in found:
        return [f"images.firmware: {found}: a variable in it is not set in the environment"]
    return []


def _check_options(options: Mapping[str, Any], foreign: set[str]) -> Iterator[str]:
    yield from _strange("options", options, set(OPTIONS) | {"crossbar_url"}, foreign)
    for name, (kind, is_good) in OPTIONS.items():
        if name in options and not is_good(options[name]):
            yield f"options.{name}: {options[name]!r} is not {kind}"
    yield from (
        f"options.{LIMITS_OPTION}{why}" for why in complaints(options.get(LIMITS_OPTION, []))
    )

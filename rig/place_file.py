# SPDX-License-Identifier: MIT
"""Checks a place file before labgrid reads it: each error names the file and the key."""

import difflib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import attr
import yaml
from labgrid.factory import target_factory
from labgrid.util.yaml import load

import rig.strategy  # registers the strategy
from rig import drivers  # registers the drivers
from rig.errors import UsageError

TOP = {"targets", "images", "imports", "options", "tools", "paths", "features"}
TARGET = {"resources", "drivers", "features", "options"}
NEEDED_DRIVERS = {
    *("SerialDriver", "CheckedPowerDriver", "PromDriver", "WalnutShellDriver", "WalnutStrategy"),
}
NEEDED_RESOURCES = {"BoardService", "BundleServer"}
INSTRUMENTS = (  # what the rig looks for on a bench, by name
    *("counter", "supply", "interposer", "gate", "generator", "oscilloscope", "analyser"),
)
# What labgrid itself takes beside a class' own fields
ALWAYS = {"name", "bindings", "cls"}
REGISTERED = (drivers, rig.strategy)


def check(path: Path) -> list[str]:
    """Return what is wrong with the file, nothing if it is a place.

    Only the file is looked at; no equipment is asked.
    """
    try:
        with path.open(encoding="utf-8") as stream:
            document = load(stream)
    except OSError as error:
        return [f"{path}: {error.strerror}"]
    except (yaml.YAMLError, UnicodeDecodeError, ValueError) as error:
        return [f"{path}: not YAML: {' '.join(str(error).split())}"]
    if not isinstance(document, dict):
        return [f"{path}: a place file is a mapping with `targets`"]
    found = list(_unknown(path, "", document, TOP))
    targets = document.get("targets")
    if not isinstance(targets, dict) or "main" not in targets:
        return [*found, f"{path}: targets.main is missing"]
    for name, target in targets.items():
        found += _check_target(path, name, target)
    if "firmware" not in (document.get("images") or {}):
        found.append(f"{path}: images.firmware is missing: the index.json of the releases")
    return found


def require(path: Path) -> None:
    """Raise UsageError if the file is not a place."""
    if found := check(path):
        raise UsageError("\n".join(found))


def _check_target(path: Path, name: str, target: object) -> list[str]:
    where = f"targets.{name}"
    if not isinstance(target, dict):
        return [f"{path}: {where} is not a mapping"]
    found = list(_unknown(path, where, target, TARGET))
    seen: set[str] = set()
    registries = {"resources": target_factory.resources, "drivers": target_factory.drivers}
    for part, registry in registries.items():
        for class_name, values in _entries(target.get(part)):
            seen.add(class_name)
            key = f"{where}.{part}.{class_name}"
            if class_name not in registry:
                found.append(f"{path}: {where}.{part}: unknown {_near(class_name, registry)}")
            elif class_name == "InstrumentDriver" and values.get("name") not in INSTRUMENTS:
                near = _near(str(values.get("name")), INSTRUMENTS)
                found.append(f"{path}: {key}.name: no instrument of the rig's is called {near}")
            else:
                found += _check_values(path, key, registry[class_name], values)
    if name != "main":
        return found
    # The coordinator knows what else a RemotePlace has; drivers are the file's.
    needed = NEEDED_DRIVERS | (set() if "RemotePlace" in seen else NEEDED_RESOURCES)
    return found + [f"{path}: {where} has no {missing}" for missing in sorted(needed - seen)]


def _entries(part: object) -> Iterable[tuple[str, Mapping[str, Any]]]:
    """Give class name and values of each entry, of both of labgrid's ways to write them."""
    items = part if isinstance(part, list) else [part]
    for item in items:
        for class_name, values in (item if isinstance(item, dict) else {}).items():
            yield class_name, values or {}


def _check_values(path: Path, key: str, kind: type, values: Mapping[str, Any]) -> list[str]:
    fields = [field for field in attr.fields(kind) if field.init]
    names = {field.name for field in fields} - {"target"}
    found = list(_unknown(path, key, values, names | ALWAYS))
    for field in fields:
        if field.name in values:
            found += _check_value(path, f"{key}.{field.name}", field, values[field.name])
        elif field.default is attr.NOTHING and field.name not in {"target", "name"}:
            found.append(f"{path}: {key}.{field.name} is missing")
    return found


def _check_value(path: Path, key: str, field: Any, value: object) -> list[str]:  # noqa: ANN401
    """Let the field's own converter and validator judge the value."""
    try:
        converted = field.converter(value) if field.converter else value
        if field.validator:
            field.validator(None, field, converted)
    except (TypeError, ValueError) as error:
        return [f"{path}: {key}: {value!r} will not do: {str(error.args[0]).split('(got')[0]}"]
    return []


def _unknown(path: Path, key: str, found: Mapping[str, Any], known: Iterable[str]) -> Iterable[str]:
    prefix = f"{key}." if key else ""
    for name in found:
        if name not in known:
            yield f"{path}: {prefix}{name}: unknown key {_near(str(name), known)}"


def _near(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), 1)
    return f"{name!r}; did you mean {near[0]!r}?" if near else f"{name!r}"


def options(path: Path) -> dict[str, Any]:
    """Return the `options` of a place file."""
    with path.open(encoding="utf-8") as stream:
        return load(stream).get("options") or {}


def firmware_index(path: Path) -> Path:
    """Return where the place's index of releases lies."""
    images = yaml.safe_load(path.read_text(encoding="utf-8"))["images"]
    return (path.parent / str(images["firmware"])).resolve()


def instruments(path: Path) -> set[str]:
    """Return the names of the bench's instruments, as a place file has them."""
    with path.open(encoding="utf-8") as stream:
        bench = load(stream)["targets"].get("bench") or {}
    return {str(values["name"]) for _, values in _entries(bench.get("drivers")) if "name" in values}


def need_instrument(path: Path, name: str, why: str) -> None:
    """Refuse a place that lacks an instrument.

    Raises:
        UsageError: it does; says what for.
    """
    if name not in instruments(path):
        raise UsageError(f"{path} has no {name} among the drivers of its bench: {why}")

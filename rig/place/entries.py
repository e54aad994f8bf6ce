# SPDX-License-Identifier: MIT
"""Resources and drivers of one target in a place file: what labgrid makes of them, unopened."""

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import attr
from labgrid import Environment, Target
from labgrid.driver.manualswitchdriver import ManualSwitchDriver
from labgrid.driver.powerdriver import ManualPowerDriver
from labgrid.exceptions import InvalidConfigError, NoSupplierFoundError
from labgrid.factory import TargetFactory, target_factory
from labgrid.resource.udev import USBResource

ALWAYS = {"name", "bindings"}  # what labgrid takes beside a class' own fields
PATTERNS = {"prompt", "login_prompt", "autoboot", "password_prompt", "console_ready"}
LISTS = {"init_commands"}  # labgrid makes a tuple of anything, of a text its letters
ASK_A_PERSON: tuple[type, ...] = (ManualPowerDriver, ManualSwitchDriver)


@dataclass(frozen=True, slots=True)
class Entry:
    """One resource or driver as a place file has it; `key` is where, `kind` None if unknown."""

    key: str
    class_name: str
    kind: type | None
    values: Mapping[str, Any]  # with `name` and `bindings`

    def is_a(self, kind: type) -> bool:
        return self.kind is not None and issubclass(self.kind, kind)


def read(where: str, part: str, written: object) -> tuple[list[Entry], list[str]]:
    """Return the entries of a target's `resources` or `drivers`, and what is wrong with them."""
    found = list(_misshapen(f"{where}.{part}", written))
    if found:
        return [], found
    registry = getattr(target_factory, part)
    entries = []
    try:
        items = TargetFactory._convert_to_named_list(written)  # noqa: SLF001 # labgrid's own reading
    except InvalidConfigError as error:
        return [], [f"{where}.{part}: {error}"]
    for item in items:
        name = str(item.pop("cls"))
        values = {key: value for key, value in item.items() if (key, value) != ("name", None)}
        entries.append(Entry(f"{where}.{part}.{name}", name, registry.get(name), values))
        if name not in registry:
            found.append(f"{where}.{part}: unknown {near(name, registry)}")
    return entries, found


def _misshapen(key: str, written: object) -> Iterator[str]:
    """Say what labgrid would end with an error of Python's at."""
    if isinstance(written, Mapping):
        for name, values in written.items():
            yield from _without_values(f"{key}.{name}", str(name), values)
    elif isinstance(written, list):
        for item in written:
            if isinstance(item, Mapping) and len(item) == 1 and "cls" not in item:
                ((name, values),) = item.items()
                yield from _without_values(f"{key}.{name}", str(name), values)
    else:
        yield f"{key}: {shown(written)} is neither a mapping nor a list"


def _without_values(key: str, name: str, values: object) -> Iterator[str]:
    if values is None:
        yield f"{key}: is empty: write `{name}: {{}}`"
    elif not isinstance(values, Mapping):
        yield f"{key}: {shown(values)} is no mapping"


def wrong_values(entry: Entry) -> list[str]:
    """Return what is wrong with the values of an entry, each with its key."""
    if entry.kind is None:
        return []
    fields = [field for field in attr.fields(entry.kind) if field.init]
    names = {field.name for field in fields} - {"target"}
    found = list(unknown(entry.key, entry.values, names | ALWAYS))
    if not isinstance(entry.values.get("bindings", {}), Mapping):
        found.append(f"{entry.key}.bindings: {shown(entry.values['bindings'])} is no mapping")
    unused = getattr(entry.kind, "unused", {})
    for field in fields:
        key = f"{entry.key}.{field.name}"
        if field.name in entry.values and field.name in unused:
            found.append(f"{key}: the rig does not use it: {unused[field.name]}")
        elif field.name in entry.values:
            found += _wrong_value(key, field, entry.values[field.name])
        elif field.default is attr.NOTHING and field.name not in {"target", "name"}:
            found.append(f"{key} is missing")
    if entry.is_a(USBResource):
        found += _wrong_match(f"{entry.key}.match", entry.values.get("match", {}))
    return found


def _wrong_value(key: str, field: Any, value: object) -> Iterator[str]:  # noqa: ANN401
    """Let the field's own converter and validator judge the value."""
    try:
        converted = field.converter(value) if field.converter else value
        if field.validator:
            field.validator(None, field, converted)
    except (TypeError, ValueError) as error:
        yield f"{key}: {value!r} will not do: {str(error.args[0]).split('(got')[0]}"
        return
    if field.name in LISTS and not isinstance(value, list):
        yield f"{key}: {value!r} will not do: it is a list"
    if field.name in PATTERNS and isinstance(value, str):
        try:
            re.compile(value)
        except re.error as error:
            yield f"{key}: {value!r} will not do: no regular expression: {error}"


def _wrong_match(key: str, match: object) -> Iterator[str]:
    """Say which values no device can match: udev knows text only, and labgrid compares."""
    for name, value in match.items() if isinstance(match, Mapping) else ():
        if not isinstance(value, str):
            yield f"{key}.{name}: {value!r} is no text, and matches no device: put it into quotes"


def wrong_bindings(
    target_name: str, entries: Iterable[Entry], environment: Environment
) -> list[str]:
    """Make and bind what a target has through labgrid, unopened; return its complaints."""
    target = Target(target_name, env=environment)
    try:
        for entry in entries:
            if wrong := _wrong_binding(target, entry):
                return [f"{entry.key}: {wrong}"]
        return []
    finally:
        target.cleanup()


def _wrong_binding(target: Target, entry: Entry) -> str:
    values = dict(entry.values)
    name, bindings = values.pop("name", None), dict(values.pop("bindings", {}))
    try:
        if entry.class_name in target_factory.resources:
            target_factory.make_resource(target, entry.class_name, name, values)
            return ""
        target.set_binding_map(bindings)
        driver = target_factory.make_driver(target, entry.class_name, name, values)
    except NoSupplierFoundError as error:
        return f"{' '.join(str(error).split())}; it takes {_needs(entry.kind)}"
    except Exception as error:  # noqa: BLE001 # classes of labgrid and of others raise anything
        why = f"{error}: {error.__cause__}" if error.__cause__ else str(error)
        return " ".join(why.split()) or type(error).__name__
    if entry.is_a(ASK_A_PERSON[0]) or any(isinstance(it, ASK_A_PERSON) for it in driver.suppliers):
        return "it asks a person, and a run of the rig waits for nobody"
    return ""


def _needs(kind: Any) -> str:  # noqa: ANN401 # a driver's class
    """Say in words what a driver binds to."""
    said = []
    for name, wanted in kind.bindings.items():
        kinds = wanted if isinstance(wanted, set) else {wanted}
        words = sorted(getattr(one, "__name__", str(one)) for one in kinds if one)
        said.append(f"{' or '.join(words)} as `{name}`")
    return ", ".join(said)


def unknown(key: str, found: Mapping[str, Any], known: Iterable[str]) -> Iterator[str]:
    """Name each key that is not known."""
    prefix = f"{key}." if key else ""
    for name in found:
        if name not in known:
            yield f"{prefix}{name}: unknown key {near(str(name), known)}"


def near(name: str, known: Iterable[str]) -> str:
    """Return a name, quoted, and the known one that it may have been meant to be."""
    found = closest(name, known)
    return f"{name!r}; did you mean {found!r}?" if found else f"{name!r}"


def closest(name: str, known: Iterable[str]) -> str:
    """Return the known name that is nearly this one, or nothing."""
    found = difflib.get_close_matches(name, list(known), 1)
    return found[0] if found else ""


def shown(value: object) -> str:
    """Say what kind of thing stands in a file."""
    match value:
        case None:
            return "nothing"
        case str():
            return f"the text {value!r}"
        case list():
            return "a list"
        case dict():
            return "a mapping"
        case _:
            return repr(value)

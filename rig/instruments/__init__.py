# SPDX-License-Identifier: MIT
"""Instruments: each takes a link and a clock, never an address; `make` finds one by its model."""

import difflib
import importlib
from typing import Any, NamedTuple

from rig.clock import Clock
from rig.errors import UsageError
from rig.instruments.link import ScpiLink

__all__ = [
    "MODELS",
    "analyser",
    "counter",
    "edges",
    "find",
    "generator",
    "interposer",
    "interrupter",
    "make",
    "rail",
    "supply",
    "traffic",
    "visa",
]


class Model(NamedTuple):
    """Where the class of a model is, imported when used (numpy is slow), and what it takes."""

    module: str
    name: str
    takes: tuple[str, ...] = ("clock",)


MODELS = {  # model in a place file -> its class
    "keysight_53230a": Model("counter", "Keysight53230A"),
    "pendulum_cnt91": Model("pendulum", "Cnt91"),
    "pendulum_cnt104s": Model("pendulum", "Cnt104S"),
    "keysight_e36312a": Model("supply", "KeysightE36312A", ("clock", "channel")),
    "keysight_n6705c": Model("n6705c", "KeysightN6705C", ("clock", "channel")),
    "rigol_dp832": Model("dp832", "RigolDP832", ("clock", "channel")),
    "keysight_infiniivision": Model("infiniivision", "InfiniiVision"),
    "rigol_ds1000z": Model("ds1000z", "RigolDS1000Z"),
    "keysight_33500b": Model("generator", "Keysight33500B"),
    "walnut_interrupter": Model("interrupter", "Interrupter"),
    "walnut_gate": Model("interrupter", "Interrupter"),  # as older place files have it
    "walnut_interposer": Model("interposer", "Interposer", ()),
}


def find(model: str) -> Model:
    """Return the entry of `model`.

    Raises:
        UsageError: it is unknown; names the nearest one that is not.
    """
    if model in MODELS:
        return MODELS[model]
    near = difflib.get_close_matches(model, MODELS, 1)
    hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(MODELS)}"
    raise UsageError(f"unknown instrument model {model!r}; {hint}")


def make(model: str, link: ScpiLink, clock: Clock, *, channel: int = 1) -> Any:  # noqa: ANN401
    """Return the instrument of class `model` (any of MODELS, so its type is not known here).

    Raises:
        UsageError: the model is unknown, or has no such channel.
    """
    module, name, takes = find(model)
    if channel != 1 and "channel" not in takes:
        raise UsageError(f"{model} is wired to its first input, not to channel {channel}")
    instrument = getattr(importlib.import_module(f"rig.instruments.{module}"), name)
    given = {"clock": clock, "channel": channel}
    return instrument(link, *(given[what] for what in takes))

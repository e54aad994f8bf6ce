# SPDX-License-Identifier: MIT
"""Instruments: each takes a link and a clock, never an address; `make` finds one by its model."""

import importlib
from typing import Any

from rig.clock import Clock
from rig.errors import UsageError
from rig.instruments.link import ScpiLink

MODELS = {  # model in a place file -> module and class; imported when used, numpy is slow
    "keysight_53230a": ("rig.instruments.counter", "Keysight53230A"),
    "keysight_e36312a": ("rig.instruments.supply", "KeysightE36312A"),
    "walnut_interposer": ("rig.instruments.interposer", "Interposer"),
}


def make(model: str, link: ScpiLink, clock: Clock, *, channel: int = 1) -> Any:  # noqa: ANN401
    """Return the instrument of class `model` (any of MODELS, so its type is not known here).

    Raises:
        UsageError: the model is unknown.
    """
    if model not in MODELS:
        raise UsageError(f"unknown instrument model {model!r}; known: {', '.join(MODELS)}")
    module, name = MODELS[model]
    instrument = getattr(importlib.import_module(module), name)
    if name == "Interposer":
        return instrument(link)
    if name == "KeysightE36312A":
        return instrument(link, clock, channel)
    return instrument(link, clock)

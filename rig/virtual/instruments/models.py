# SPDX-License-Identifier: MIT
"""Which instruments a place can be built with: `rig bench up --model counter=pendulum_cnt104s`."""

from collections.abc import Iterable

from rig.errors import UsageError
from rig.virtual.instruments.counter import Counter
from rig.virtual.instruments.dp832 import Dp832
from rig.virtual.instruments.heartbeat import HeartbeatInput
from rig.virtual.instruments.n6705c import N6705c
from rig.virtual.instruments.pendulum import Cnt91, Cnt104s
from rig.virtual.instruments.supply import Supply

COUNTERS: dict[str, type[HeartbeatInput]] = {
    "keysight_53230a": Counter,
    "pendulum_cnt91": Cnt91,
    "pendulum_cnt104s": Cnt104s,
}
SUPPLIES: dict[str, type[Supply | Dp832]] = {
    "keysight_e36312a": Supply,
    "keysight_n6705c": N6705c,
    "rigol_dp832": Dp832,
}
DEFAULTS = {"counter": "keysight_53230a", "supply": "keysight_e36312a"}


def choose(choices: Iterable[str]) -> dict[str, str]:
    """Return the model of each instrument, from words such as ``supply=rigol_dp832``."""
    chosen = dict(DEFAULTS)
    known: dict[str, list[str]] = {"counter": list(COUNTERS), "supply": list(SUPPLIES)}
    for choice in choices:
        name, _, model = choice.partition("=")
        if name not in known or model not in known[name]:
            models = "; ".join(f"{one}={'|'.join(models)}" for one, models in known.items())
            raise UsageError(f"no model {choice!r} on the virtual bench; it has {models}")
        chosen[name] = model
    return chosen

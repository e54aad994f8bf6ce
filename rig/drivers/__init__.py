# SPDX-License-Identifier: MIT
"""labgrid resources and drivers of a Walnut place; a place file imports this package."""

from rig.drivers import (
    analyser,
    console,
    console_log,
    console_port,
    console_stream,
    instrument,
    no_proxy,
    power,
    prom,
    resources,
    shell,
    strategy,
    within,
)

__all__ = [
    "analyser",
    "console",
    "console_log",
    "console_port",
    "console_stream",
    "instrument",
    "no_proxy",
    "power",
    "prom",
    "resources",
    "shell",
    "strategy",
    "within",
]

# SPDX-License-Identifier: MIT
"""labgrid resources and drivers of a Walnut place; a place file imports this package."""

from rig.drivers import analyser, instrument, power, prom, resources, shell, strategy

__all__ = ["analyser", "instrument", "power", "prom", "resources", "shell", "strategy"]

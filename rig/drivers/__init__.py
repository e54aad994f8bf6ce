# SPDX-License-Identifier: MIT
"""labgrid resources and drivers of a Walnut place; a place file imports this package."""

from rig.drivers import instrument, power, prom, resources, shell

__all__ = ["instrument", "power", "prom", "resources", "shell"]

# SPDX-License-Identifier: MIT
"""What older place files import beside `rig.drivers`, which has it now."""

from rig.drivers import strategy

__all__ = ["strategy"]

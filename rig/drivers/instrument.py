# SPDX-License-Identifier: MIT
"""Opens a ScpiInstrument; labgrid's PyVISADriver cannot use sockets."""

from typing import Any

import attr
from labgrid.driver import Driver
from labgrid.factory import target_factory

from rig.clock import SystemClock
from rig.instruments import make


@target_factory.reg_driver
@attr.s(eq=False)
class InstrumentDriver(Driver):
    """`instrument` is an object of the resource's model while this is active."""

    bindings = {"port": "ScpiInstrument"}

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        self._link: Any = None
        self.instrument: Any = None

    def on_activate(self) -> None:
        from rig.instruments.visa import VisaLink  # noqa: PLC0415 # pyvisa is slow to import

        port = self.port
        self._link = VisaLink(
            port.visa, name=port.name or port.model, timeout_s=port.timeout_s, backend=port.backend
        )
        self.instrument = make(port.model, self._link, SystemClock(), channel=port.channel)

    def on_deactivate(self) -> None:
        self._link.close()
        self.instrument = self._link = None

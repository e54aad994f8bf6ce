# SPDX-License-Identifier: MIT
"""Rigol DP832, a bench supply; LAN port 5555."""

from rig.errors import InstrumentError
from rig.instruments.link import send
from rig.instruments.supply import Accuracy, ScpiSupply

YES = {"YES", "1", "ON"}  # the guide shows YES and NO, instruments were seen to say 1 and 0
NO = {"NO", "0", "OFF"}


class RigolDP832(ScpiSupply):
    """One channel of a DP832, addressed as ``CH1``.

    Source: DP800 Series Programming Guide pp. 2-6 (APPL) and 2-9 (MEAS); protections (OUTP:OVP,
    OUTP:OCP) as public drivers send them; accuracy of the read-back from memory, to be checked.
    """

    MODEL = "DP832"
    CHANNELS = (1, 2, 3)
    VOLTAGE = Accuracy(0.0005, 0.010)
    CURRENT = Accuracy(0.0015, 0.005)

    def is_on(self) -> bool:
        return self._yes(f"OUTP? {self._at}")

    def tripped(self) -> bool:
        """Tell whether over-voltage or over-current protection holds the output off."""
        return self._yes(f"OUTP:OVP:QUES? {self._at}") or self._yes(f"OUTP:OCP:QUES? {self._at}")

    def clear_protection(self) -> None:
        """Release latched protections; the output stays off until it is switched on."""
        send(self._link, f"OUTP:OVP:CLEAR {self._at}", f"OUTP:OCP:CLEAR {self._at}")

    @staticmethod
    def _address(channel: int) -> str:
        return f"CH{channel}"

    def _switch(self, state: str) -> None:
        send(self._link, f"OUTP {self._at},{state}")

    def _program(self, voltage_v: float) -> None:
        """Set the voltage and keep the current limit, which APPL sets along with it."""
        _, limit_a = self._applied()
        send(self._link, f"APPL {self._at},{voltage_v:.3f},{limit_a:.3f}")
        programmed_v, _ = self._applied()
        if abs(programmed_v - voltage_v) > 0.001:  # it programs in steps of 1 mV
            command, reply = f"APPL? {self._at}", f"{programmed_v} V, not {voltage_v} V"
            raise InstrumentError(self._link.name, command=command, reply=reply)

    def _applied(self) -> tuple[float, float]:
        """Return programmed voltage and current limit: ``CH1:30V/3A,5.000,1.000`` (p. 2-7)."""
        command = f"APPL? {self._at}"
        reply = self._link.query(command)
        try:
            _, voltage_v, limit_a = reply.split(",")
            return float(voltage_v), float(limit_a)
        except ValueError as error:
            raise InstrumentError(self._link.name, command=command, reply=reply) from error

    def _yes(self, command: str) -> bool:
        reply = self._link.query(command).strip().upper()
        if reply not in YES | NO:
            raise InstrumentError(self._link.name, command=command, reply=reply)
        return reply in YES

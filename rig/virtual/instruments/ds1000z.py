# SPDX-License-Identifier: MIT
"""A scope after Rigol's DS1000Z: time-out trigger, one silence a shot, memory read in batches."""

from rig.virtual.instruments.scope import STEP_V, ZERO, Scope
from rig.virtual.instruments.scpi import ScpiError, block, command

BATCH = 250_000
DEPTHS = {12_000, 120_000, 1_200_000, 12_000_000}
DIVISIONS = 12


class Ds1000z(Scope):
    """What follows a silence's time-out for ten divisions is kept."""

    identity = "RIGOL TECHNOLOGIES,DS1054Z,DS1ZA000000001,00.04.04.SP3"

    def reset(self) -> None:
        super().reset()
        self._depth = 12_000
        self._scale_s = 1e-6
        self._offset_s = 0.0
        self._start, self._stop_at = 1, 1
        self._mode = "EDGE"
        self._running = True

    @command("CHANnel#:DISPlay")
    def _display(self, _channel: str, _state: str) -> None: ...

    @command("CHANnel#:PROBe")
    def _probe(self, _channel: str, value: str) -> None:
        float(value)

    @command("CHANnel#:SCALe")
    def _vertical(self, _channel: str, value: str) -> None:
        float(value)

    @command("CHANnel#:OFFSet")
    def _offset(self, _channel: str, value: str) -> None:
        float(value)

    @command("ACQuire:MDEPth")
    def _memory(self, depth: str) -> None:
        if not self._running:
            raise ScpiError(-221, "only while it runs")
        if int(depth) not in DEPTHS:
            raise ScpiError(-222, depth)
        self._depth = int(depth)

    @command("TIMebase[:MAIN]:SCALe")
    def _horizontal(self, value: str) -> None:
        if not 5e-9 <= float(value) <= 50.0:
            raise ScpiError(-222, value)
        self._scale_s = float(value)

    @command("TIMebase[:MAIN]:OFFSet")
    def _shift(self, value: str) -> None:
        self._offset_s = float(value)

    @command("TRIGger:MODE")
    def _trigger_mode(self, mode: str) -> None:
        if mode.upper() not in {"EDGE", "TIM", "TIMEOUT"}:
            raise ScpiError(-224, mode)
        self._mode = mode.upper()[:3]

    @command("TRIGger:TIMeout:SOURce")
    def _source(self, source: str) -> None:
        if source.upper() != "CHAN1":
            raise ScpiError(-224, source)

    @command("TRIGger:TIMeout:SLOPe")
    def _slope(self, slope: str) -> None:
        if slope.upper() not in {"POS", "NEG", "RFAL"}:
            raise ScpiError(-224, slope)

    @command("TRIGger:TIMeout:TIMe")
    def _time_out(self, value: str) -> None:
        if not 16e-9 <= float(value) <= 10.0:
            raise ScpiError(-222, value)
        self.missing_s = float(value)

    @command("TRIGger:TIMeout:LEVel")
    def _level(self, value: str) -> None:
        float(value)

    @command("TRIGger:SWEep")
    def _sweep(self, mode: str) -> None:
        if mode.upper() not in {"SING", "NORM", "AUTO"}:
            raise ScpiError(-224, mode)

    @command("TRIGger:STATus?")
    def _status(self) -> str:
        return "WAIT" if self.armed else "RUN" if self._running else "STOP"

    @command("RUN")
    def _run(self) -> None:
        self._running = True

    @command("SINGle")
    def _single(self) -> None:
        if self._mode != "TIM":
            raise ScpiError(-221, "no time-out trigger")
        self._running = False
        self.arm()

    @command("STOP")
    def _stop(self) -> None:
        self.armed = self._running = False

    @command("WAVeform:SOURce")
    def _waveform_source(self, source: str) -> None:
        if source.upper() != "CHAN1":
            raise ScpiError(-224, source)

    @command("WAVeform:MODE")
    def _waveform_mode(self, mode: str) -> None:
        if mode.upper() != "RAW":
            raise ScpiError(-224, mode)

    @command("WAVeform:FORMat")
    def _format(self, kind: str) -> None:
        if kind.upper() != "BYTE":
            raise ScpiError(-224, kind)

    @command("WAVeform:STARt")
    def _from(self, number: str) -> None:
        self._start = int(number)

    @command("WAVeform:STOP")
    def _to(self, number: str) -> None:
        self._stop_at = int(number)

    def _frame(self) -> tuple[float, float]:
        """Return step and time of the first sample, from the trigger."""
        span_s = DIVISIONS * self._scale_s
        return span_s / self._depth, self._offset_s - span_s / 2

    @command("WAVeform:PREamble?")
    def _preamble(self) -> str:
        step_s, first_s = self._frame()
        return f"0,2,{self._depth},1,{step_s:.6E},{first_s:.6E},0,{STEP_V:.6E},0,{ZERO}"

    @command("WAVeform:DATA?")
    def _data(self) -> bytes:
        count = self._stop_at - self._start + 1
        if not self.silences or self.armed or not 1 <= count <= BATCH:
            raise ScpiError(-230)
        trigger_s = self.silences[0].from_s + self.missing_s
        step_s, first_s = self._frame()
        start_s = first_s + (self._start - 1) * step_s
        return block(self.samples(trigger_s, start_s, step_s, count))

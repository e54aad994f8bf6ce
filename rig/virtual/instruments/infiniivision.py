# SPDX-License-Identifier: MIT
"""A scope after Keysight's InfiniiVision 3000T X: triggers at the end of a silence, segmented."""

from rig.virtual.instruments.scope import STEP_V, ZERO, Scope
from rig.virtual.instruments.scpi import ScpiError, block, command

RUNNING = 1 << 3
SEGMENTS_MAX = 1000
POINTS_MAX = 4_000_000


class InfiniiVision(Scope):
    """Only what stands before the trigger and a tenth of the screen after it is kept."""

    identity = "KEYSIGHT TECHNOLOGIES,DSO-X 3024T,MY00000004,07.50.2021102830"

    def reset(self) -> None:
        super().reset()
        self.range_s = 1e-3
        self._points = 1000
        self._index = 1
        self._segmented = False
        self._mode = "EDGE"

    @command("CHANnel#:DISPlay")
    def _display(self, _channel: str, _state: str) -> None: ...

    @command("CHANnel#:SCALe")
    def _scale(self, _channel: str, value: str) -> None:
        if not 1e-3 <= float(value) <= 10.0:
            raise ScpiError(-222, value)

    @command("CHANnel#:OFFSet")
    def _offset(self, _channel: str, value: str) -> None:
        float(value)

    @command("TRIGger:MODE")
    def _trigger_mode(self, mode: str) -> None:
        if mode.upper() not in {"EDGE", "GLIT", "GLITCH"}:
            raise ScpiError(-224, mode)
        self._mode = mode.upper()[:4]

    @command("TRIGger:GLITch:SOURce")
    def _source(self, source: str) -> None:
        if source.upper() != "CHAN1":
            raise ScpiError(-224, source)

    @command("TRIGger:GLITch:POLarity")
    def _polarity(self, polarity: str) -> None:
        if polarity.upper() != "NEG":
            raise ScpiError(-224, polarity)

    @command("TRIGger:GLITch:QUALifier")
    def _qualifier(self, qualifier: str) -> None:
        if qualifier.upper() != "GRE":
            raise ScpiError(-224, qualifier)

    @command("TRIGger:GLITch:GREaterthan")
    def _longer(self, value: str) -> None:
        if not 2e-9 <= float(value) <= 10.0:
            raise ScpiError(-222, value)
        self.missing_s = float(value)

    @command("TRIGger:GLITch:LEVel")
    def _level(self, value: str) -> None:
        float(value)

    @command("TRIGger:SWEep")
    def _sweep(self, mode: str) -> None:
        if mode.upper() not in {"NORM", "AUTO"}:
            raise ScpiError(-224, mode)

    @command("TIMebase:RANGe")
    def _range(self, value: str) -> None:
        if not 20e-9 <= float(value) <= 500.0:
            raise ScpiError(-222, value)
        self.range_s = float(value)

    @command("TIMebase:REFerence")
    def _reference(self, where: str) -> None:
        if where.upper() not in {"RIGH", "RIGHT"}:
            raise ScpiError(-224, where)

    @command("ACQuire:MODE")
    def _mode_is(self, mode: str) -> None:
        self._segmented = mode.upper().startswith("SEGM")

    @command("ACQuire:SEGMented:COUNt")
    def _segments(self, count: str) -> None:
        if not self._segmented:
            raise ScpiError(-221, "no segmented memory")
        if not 2 <= int(count) <= SEGMENTS_MAX:
            raise ScpiError(-222, count)
        self.most = int(count)

    @command("ACQuire:SEGMented:INDex")
    def _select(self, index: str) -> None:
        if not 1 <= int(index) <= len(self.silences):
            raise ScpiError(-222, index)
        self._index = int(index)

    @command("SINGle")
    def _single(self) -> None:
        if self._mode != "GLIT":
            raise ScpiError(-221, "no pulse width trigger")
        self.arm()

    @command("STOP")
    def _stop(self) -> None:
        self.armed = False

    @command("OPERegister:CONDition?")
    def _operation(self) -> str:
        return f"+{RUNNING if self.armed else 0}"

    @command("WAVeform:SEGMented:COUNt?")
    def _count(self) -> str:
        return f"+{len(self.silences)}"

    @command("WAVeform:SEGMented:TTAG?")
    def _tag(self) -> str:
        at_s = self.silences[self._index - 1].after_s - self.silences[0].after_s
        return f"{at_s:+.12E}"

    @command("WAVeform:SOURce")
    def _waveform_source(self, source: str) -> None:
        if source.upper() != "CHAN1":
            raise ScpiError(-224, source)

    @command("WAVeform:FORMat")
    def _format(self, kind: str) -> None:
        if kind.upper() != "BYTE":
            raise ScpiError(-224, kind)

    @command("WAVeform:POINts")
    def _set_points(self, points: str) -> None:
        if not 100 <= int(points) <= POINTS_MAX:
            raise ScpiError(-222, points)
        self._points = int(points)

    @command("WAVeform:PREamble?")
    def _preamble(self) -> str:
        step_s = self.range_s / self._points
        first_s = -0.9 * self.range_s
        return f"+0,+1,+{self._points},+1,{step_s:+.8E},{first_s:+.8E},+0,{STEP_V:+.8E},+0,+{ZERO}"

    @command("WAVeform:DATA?")
    def _data(self) -> bytes:
        if not self.silences:
            raise ScpiError(-230)
        trigger_s = self.silences[self._index - 1].after_s
        step_s = self.range_s / self._points
        return block(self.samples(trigger_s, -0.9 * self.range_s, step_s, self._points))

# SPDX-License-Identifier: MIT
"""The flash interposer's front panel, docs/reference/interposer.md."""

import contextlib
from collections.abc import Iterator

from rig.virtual.board.power import Feed
from rig.virtual.flash.cells import Cut, CutKind
from rig.virtual.flash.nor_flash import NorFlash, Operation
from rig.virtual.instruments.scpi import Instrument, ScpiError, block, command

HISTORY_LIMIT = 4  # each holds a copy of the flash
TRANSFER_LIMIT = 1 << 20
JOURNAL_LIMIT = 10_000
KINDS = {
    "BEF": CutKind.before,
    "BEFORE": CutKind.before,
    "TORN": CutKind.torn,
    "AFT": CutKind.after,
    "AFTER": CutKind.after,
    "UNST": CutKind.unstable,
    "UNSTABLE": CutKind.unstable,
}


def _cut(number: str, kind: str, seed: str) -> Cut:
    if kind.upper() not in KINDS:
        raise ScpiError(-224, kind)
    return Cut(int(number), KINDS[kind.upper()], int(seed))


@contextlib.contextmanager
def _in_range() -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise ScpiError(-222, str(error)) from error


class Interposer(Instrument):
    """Numbers, journals and cuts the board's flash operations; programs it while it is off."""

    identity = "Walnut rig,FLASH-INTERPOSER,00000003,1.0"

    def __init__(self, flash: NorFlash, feed: Feed) -> None:
        super().__init__()
        self._flash = flash
        self._feed = feed

    def reset(self) -> None:
        self._flash.disarm()
        self._flash.real_timing = False

    @command("OPERation:COUNt?")
    def _count(self) -> str:
        return str(self._flash.count)

    @command("OPERation:COUNt:RESet")
    def _reset_count(self) -> None:
        self._flash.reset_count()

    def _journalled(self, first: str, count: str) -> list[Operation]:
        start, number = int(first), int(count)
        if start < 1 or not 0 <= number <= JOURNAL_LIMIT:
            raise ScpiError(-222, f"{first},{count}")
        return self._flash.journal[start - 1 : start - 1 + number]

    @command("JOURnal:DATA?")
    def _journal(self, first: str, count: str) -> bytes:
        lines = self._journalled(first, count)
        return block("".join(f"{line}\n" for line in lines).encode())

    @command("JOURnal:TIMes?")
    def _times(self, first: str, count: str) -> bytes:
        lines = self._journalled(first, count)
        return block("".join(f"{line.at_s:.6f}\n" for line in lines).encode())

    @command("CUT:ARM")
    def _arm(self, number: str, kind: str, seed: str) -> None:
        cut = _cut(number, kind, seed)
        with _in_range():
            self._flash.arm(cut)

    @command("CUT:DISarm")
    def _disarm(self) -> None:
        self._flash.disarm()

    @command("CUT:STATe?")
    def _state(self) -> str:
        return "FIRED" if self._flash.fired else "ARMED" if self._flash.armed else "IDLE"

    @command("CUT:LAST?")
    def _last(self) -> str:
        if self._flash.fired is None:
            raise ScpiError(-230)
        return str(self._flash.fired)

    @command("JOURnal:VIOLations?")
    def _violations(self) -> str:
        return str(self._flash.violations)

    @command("HISTory:STARt")
    def _start_history(self) -> None:
        if self._flash.depth >= HISTORY_LIMIT:
            raise ScpiError(-221, f"{HISTORY_LIMIT} histories are held already")
        self._flash.start_history()

    @command("HISTory:STOP")
    def _stop_history(self) -> None:
        with _in_range():
            self._flash.stop_history()

    @command("HISTory:DROP")
    def _drop_history(self) -> None:
        self._flash.drop_history()

    @command("HISTory:DEPTh?")
    def _depth(self) -> str:
        return str(self._flash.depth)

    @command("HISTory:LENGth?")
    def _length(self) -> str:
        return str(len(self._flash.history.operations) if self._flash.depth else 0)

    @command("HISTory:RECall")
    def _recall(self, number: str, kind: str, seed: str) -> None:
        self._only_off()
        cut = _cut(number, kind, seed)
        with _in_range():
            self._flash.recall(cut)

    @command("HISTory:SHA256?")
    def _history_sha256(self, number: str, kind: str, seed: str) -> str:
        cut = _cut(number, kind, seed)
        with _in_range():
            return self._flash.history.sha256(cut)

    @command("HISTory:DIGest?")
    def _history_digest(self, number: str, kind: str, seed: str) -> str:
        cut = _cut(number, kind, seed)
        with _in_range():
            return self._flash.history.digest(cut)

    @command("FLASh:SIZE?")
    def _size(self) -> str:
        return str(self._flash.size)

    def _range(self, offset: str, length: str, limit: int) -> tuple[int, int]:
        start, size = int(offset), int(length)
        if start < 0 or not 0 < size <= limit or start + size > self._flash.size:
            raise ScpiError(-222, f"{offset},{length}")
        return start, size

    @command("FLASh:SHA256?")
    def _digest(self, offset: str = "0", length: str | None = None) -> str:
        size = self._flash.size
        return self._flash.digest(*self._range(offset, length or str(size), size))

    @command("FLASh:DATA?")
    def _data(self, offset: str, length: str) -> bytes:
        return block(self._flash.read(*self._range(offset, length, TRANSFER_LIMIT)))

    def _only_off(self) -> None:
        if self._feed.powered:
            raise ScpiError(-221, "the board is on")

    @command("FLASh:WRITe")
    def _write(self, offset: str, data: bytes) -> None:
        if not isinstance(data, bytes):
            raise ScpiError(-102, "no block")
        start, _ = self._range(offset, str(len(data)), TRANSFER_LIMIT)
        self._only_off()
        self._flash.load(start, data)

    @command("FLASh:ERASe")
    def _erase(self) -> None:
        self._only_off()
        for offset in range(0, self._flash.size, TRANSFER_LIMIT):
            size = min(TRANSFER_LIMIT, self._flash.size - offset)
            self._flash.load(offset, b"\xff" * size)

    @command("TIMing")
    def _set_timing(self, mode: str) -> None:
        if mode.upper() not in {"NONE", "J3"}:
            raise ScpiError(-224, mode)
        self._flash.real_timing = mode.upper() == "J3"

    @command("TIMing?")
    def _timing(self) -> str:
        return "J3" if self._flash.real_timing else "NONE"

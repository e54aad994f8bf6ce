# SPDX-License-Identifier: MIT
"""The board's link is up when its controller is set up, and down before and after."""

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from rig.virtual.board.ethernet import CHANGED, CONTROLLER, Link

LIMIT_S = 10.0
GREETING = {
    "QMP": {
        "version": {"qemu": {"micro": 0, "minor": 2, "major": 7}, "package": ""},
        "capabilities": [],
    }
}


class Qemu:
    """QEMU's end of its control socket, with a controller that a guest sets up or does not."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket
        self.promiscuous = True
        self.asked = asyncio.Event()

    async def start(self) -> None:
        self._reader, self._writer = await asyncio.open_unix_connection(self._socket)
        self._say(GREETING)
        self._task = asyncio.create_task(self._serve())

    def _say(self, message: dict[str, Any]) -> None:
        self._writer.write(json.dumps(message).encode() + b"\r\n")

    async def _serve(self) -> None:
        text = ""
        while part := await self._reader.read(4096):  # QMP has no line ends from this side
            text += part.decode()
            with contextlib.suppress(json.JSONDecodeError):
                while text:
                    request, end = json.JSONDecoder().raw_decode(text)
                    self._answer(request)
                    text = text[end:].lstrip()

    def _answer(self, request: dict[str, Any]) -> None:
        found: object = {}
        if request["execute"] == "query-rx-filter":
            assert request["arguments"] == {"name": CONTROLLER}
            found = [{"name": CONTROLLER, "promiscuous": self.promiscuous}]
            self.asked.set()
        self._say({"return": found} | {key: request[key] for key in ("id",) if key in request})

    def change(self, *, promiscuous: bool) -> None:
        self.promiscuous = promiscuous
        stamp = {"seconds": 1, "microseconds": 0}
        self._say({"event": CHANGED, "data": {"name": CONTROLLER}, "timestamp": stamp})

    async def end(self) -> None:
        self._task.cancel()
        self._writer.close()
        await self._writer.wait_closed()


class Cable:
    """Hears whether the link is up."""

    def __init__(self) -> None:
        self.said: list[bool] = []
        self._changed = asyncio.Event()

    def hear(self, up: bool) -> None:
        self.said.append(up)
        self._changed.set()

    async def until(self, length: int) -> None:
        """Wait until it has heard so many changes."""
        while len(self.said) < length:
            self._changed.clear()
            await asyncio.wait_for(self._changed.wait(), LIMIT_S)


def told(act: Callable[[Link, Qemu, Cable], Awaitable[None]], folder: Path) -> list[bool]:
    """Run a QEMU under a link; return what its cable was told."""

    async def run() -> list[bool]:
        cable = Cable()
        link = Link(folder / "qmp.sock", cable.hear)
        await link.watch()
        qemu = Qemu(folder / "qmp.sock")
        await qemu.start()
        await asyncio.wait_for(qemu.asked.wait(), LIMIT_S)
        await act(link, qemu, cable)
        await qemu.end()
        await link.close()
        return cable.said

    return asyncio.run(run())


def test_the_link_is_up_from_when_the_board_sets_its_controller_up(tmp_path: Path) -> None:
    async def boot(_: Link, qemu: Qemu, cable: Cable) -> None:
        assert cable.said == [False]
        qemu.change(promiscuous=True)  # the driver resets it first
        qemu.change(promiscuous=False)
        await cable.until(2)

    assert told(boot, tmp_path) == [False, True, False]


def test_a_board_whose_power_goes_before_that_has_no_link(tmp_path: Path) -> None:
    async def die(link: Link, _: Qemu, __: Cable) -> None:
        link.down()

    assert True not in told(die, tmp_path)


def test_a_board_is_not_deaf_because_its_qemu_cannot_be_asked(tmp_path: Path) -> None:
    async def fail(_: Link, qemu: Qemu, cable: Cable) -> None:
        await qemu.end()
        await cable.until(2)

    assert told(fail, tmp_path)[:2] == [False, True]


def test_a_reset_board_is_watched_anew(tmp_path: Path) -> None:
    async def reset(link: Link, qemu: Qemu, cable: Cable) -> None:
        qemu.change(promiscuous=False)
        await cable.until(2)
        await link.watch()
        again = Qemu(tmp_path / "qmp.sock")
        await again.start()
        await asyncio.wait_for(again.asked.wait(), LIMIT_S)
        again.change(promiscuous=False)
        await cable.until(4)
        await again.end()

    assert told(reset, tmp_path) == [False, True, False, True, False]

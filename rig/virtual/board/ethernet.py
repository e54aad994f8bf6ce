# SPDX-License-Identifier: MIT
"""The board's Ethernet as its cable sees it: a link that is down takes no frame.

QEMU keeps what comes for a controller that nobody has set up yet (libslirp a second's worth,
virtio-net up to 10 000 frames) and hands it over when somebody does: a board would come back to
requests from before its reset.  A cable keeps nothing, so the bench lets nothing in until then.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from qemu.qmp import EventListener, QMPClient, QMPError, Runstate

log = logging.getLogger(__name__)
logging.getLogger("qemu.qmp").setLevel(logging.CRITICAL)  # what it raises is said here

CONTROLLER = "eth0"  # QEMU's name of it
CHANGED = "NIC_RX_FILTER_CHANGED"


class Link:
    """The link of one board; `changed` hears when it comes up and when it goes down.

    It is up once the board has told its controller which frames to take, which Linux does when it
    brings the interface up (a controller that was reset takes all: promiscuous).
    """

    def __init__(self, socket: Path, changed: Callable[[bool], None]) -> None:
        self._socket = socket
        self._changed = changed
        self.up = False
        self._plugged = True
        self._qemu: QMPClient | None = None  # as long as it can be told
        self._watching: asyncio.Task[None] | None = None
        self._ending: set[asyncio.Task[None]] = set()

    @property
    def arguments(self) -> tuple[str, ...]:
        """What QEMU must be told to report its controller."""
        return (
            *("-chardev", f"socket,id=qmp,path={self._socket}"),
            *("-mon", "chardev=qmp,mode=control"),
        )

    async def watch(self) -> None:
        """Be ready for a QEMU that is started next; the link is down until its board is ready."""
        self.down()
        self._socket.unlink(missing_ok=True)
        qemu = QMPClient()
        await qemu.start_server(str(self._socket))
        self._watching = asyncio.get_running_loop().create_task(self._watch(qemu))

    def plug(self, *, on: bool) -> None:
        """Connect the board to its network, or take it away: a switch that dies, a cable."""
        self._plugged = on
        if self._qemu:
            telling = asyncio.get_running_loop().create_task(self._tell(self._qemu))
            self._ending.add(telling)
            telling.add_done_callback(self._ending.discard)

    async def _tell(self, qemu: QMPClient) -> None:
        with contextlib.suppress(QMPError, EOFError, OSError):  # it ends: the next one is told
            await qemu.execute("set_link", {"name": CONTROLLER, "up": self._plugged})

    def down(self) -> None:
        """Take the link down: the board is off, or has been reset."""
        if self._watching and not self._watching.done():
            self._watching.cancel()
            self._ending.add(self._watching)
            self._watching.add_done_callback(self._ending.discard)
        self._watching = None
        self._set(up=False)

    async def close(self) -> None:
        """Take the link down for good."""
        self.down()
        await asyncio.gather(*self._ending, return_exceptions=True)

    def _set(self, *, up: bool) -> None:
        self.up = up
        self._changed(up)

    async def _watch(self, qemu: QMPClient) -> None:
        try:
            await qemu.accept()
            self._qemu = qemu
            if not self._plugged:
                await self._tell(qemu)
            with qemu.listener(CHANGED) as changes:
                while not await _is_set_up(qemu):
                    await _next(qemu, changes)
            self._set(up=True)
            while qemu.runstate is Runstate.RUNNING:
                await qemu.runstate_changed()
        except (QMPError, EOFError, OSError) as error:
            # QEMU has ended, and nobody is there to take anything; or it cannot be asked, and then
            # a board that is deaf for that would be blamed for it.
            log.warning("the link is taken for up: %s", error)
            self._set(up=True)
        finally:
            self._qemu = None
            with contextlib.suppress(QMPError, EOFError, OSError):
                await qemu.disconnect()


async def _next(qemu: QMPClient, changes: EventListener) -> None:
    """Wait for a change; EOFError when QEMU hangs up, of which a listener hears nothing."""
    waiting = {
        asyncio.ensure_future(changes.get()),
        asyncio.ensure_future(qemu.runstate_changed()),
    }
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for one in waiting:
            one.cancel()
    if qemu.runstate is not Runstate.RUNNING:
        raise EOFError("QEMU has hung up")


async def _is_set_up(qemu: QMPClient) -> bool:
    """Tell whether the board has set its controller up; asking has QEMU tell the next change."""
    found: Any = await qemu.execute("query-rx-filter", {"name": CONTROLLER})
    return not found[0]["promiscuous"]

# SPDX-License-Identifier: MIT
"""A place whose board plays a script: what it says after each power-on, and where it is cut."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pexpect
from labgrid.util import PtxExpect

from rig.board.catalogue import Release
from rig.board.walnut.service import Mark
from rig.drivers.strategy import Status
from rig.errors import BenchError, BoardError
from rig.faults.plan import Kind
from rig.instruments.interposer import CutRecord
from tests.unit.helpers.dialogue import StillClock

BANNER = "U-Boot 2023.01\n"
UP = BANNER + "@WU 5.00 boot up release=1.0.0 kernel=6.1.0 pending=0\n"
GAVE_UP = BANNER + "@WU 20.00 boot failed reason=service\n"
KERNEL = "6.1.0"
FLASH = "f" * 64


def release(name: str, kernel: str = KERNEL, layout: int = 1) -> Release:
    nowhere = Path("/nowhere")
    return Release(
        name=name,
        bundle=nowhere / f"{name}.tar",
        bundle_sha256="",
        golden=nowhere,
        golden_sha256="",
        image=nowhere,
        image_sha256="",
        image_size=1,
        kernel=kernel,
        state_layout=layout,
        state_layout_min=1,
    )


@dataclass(frozen=True, slots=True)
class Life:
    """What the board says from one start on, and whether the armed cut ends it."""

    said: str = ""
    cut: bool = False


class Console:
    """A console on which the board speaks when it is given power, or a command."""

    def __init__(self, clock: StillClock, on_command: Callable[[], None]) -> None:
        self._clock = clock
        self._on_command = on_command
        self._expect = PtxExpect(self)
        self.waiting = b""

    def read(self, size: int = 1, timeout: float = 0.0) -> bytes:
        if not self.waiting:
            self._clock.sleep(max(timeout, 0.01))
            raise pexpect.TIMEOUT("silence")
        found, self.waiting = self.waiting[:size], self.waiting[size:]
        return found

    def expect(self, patterns: Any, timeout: float) -> tuple[int, Any, Any, Any]:
        index = self._expect.expect(patterns, timeout=timeout)
        return index, self._expect.before, self._expect.match, self._expect.after

    def sendline(self, line: str) -> None:
        self._on_command()


class Interposer:
    """Fires when the board has said all that its life has."""

    def __init__(self, board: "ScriptedPlace") -> None:
        self._board = board
        self.armed: tuple[int, Kind, int] | None = None

    def reset_count(self) -> None: ...

    def count(self) -> int:
        return 7

    def arm(self, operation: int, kind: Kind, seed: int) -> None:
        self.armed = (operation, kind, seed)

    def disarm(self) -> None:
        self.armed = None

    def state(self) -> str:
        if self.armed is None:
            return "IDLE"
        return "FIRED" if self._board.life.cut and not self._board.console.waiting else "ARMED"

    def last(self) -> CutRecord:
        assert self.armed is not None
        operation, kind, seed = self.armed
        return CutRecord(
            operation=operation,
            kind=kind,
            seed=seed,
            what="PROGRAM",
            offset=0,
            length=1,
            applied=0,
        )

    def sha256(self) -> str:
        return FLASH

    def size(self) -> int:
        return 4

    def read(self, offset: int, size: int) -> bytes:
        return b"flash"[offset : offset + size]

    def journal(self, first: int, count: int) -> tuple[()]:
        return ()


class Strategy:
    boot_limit_s = 90.0

    def __init__(self, board: "ScriptedPlace") -> None:
        self._board = board

    def transition(self, status: Status) -> None:
        self._board.is_on = status is Status.linux

    def lost(self) -> None: ...

    def start(self) -> None:
        self._board.is_on = True
        self._board.live()


class Service:
    """Keeps what it promised; `stores` values are answered before the power goes."""

    def __init__(self, stores: int) -> None:
        self._left = stores
        self._mark = Mark(value=2, counter=2, sessions=1, release="1.0.0")
        self.error: BoardError | None = None

    def mark(self, deadline_s: float) -> Mark:
        return self._mark

    def remembered(self, deadline_s: float) -> Mark:
        if self.error:
            raise self.error
        return self._mark

    def echo(self, deadline_s: float) -> None:
        """Answer nobody who only wants to know whether the board is up."""

    def wait_up(self, deadline: object) -> Mark:
        return self._mark

    def try_store(self, session: int, value: int) -> Mark | None:
        if not self._left:
            return None
        self._left -= 1
        ahead = value - self._mark.value
        self._mark = Mark(
            value=value, counter=self._mark.counter + ahead, sessions=1, release="1.0.0"
        )
        return self._mark


class ScriptedPower:
    """A power path that is well, or over which no current flows."""

    def __init__(self, interposer: Interposer | None = None, *, fed: bool = True) -> None:
        self._interposer = interposer
        self._fed = fed

    def feed(self) -> None:
        if self._interposer:
            self._interposer.disarm()

    def check(self) -> None:
        if not self._fed:
            raise BenchError("no current flows")


class ScriptedPlace:
    """A place with an interposer; its board goes through `lives`, one a start.

    `boots` is how often the PROM starts until each login; `stores` as the Service's.
    """

    path = Path("scripted.yaml")

    def __init__(self, *lives: Life, boots: int = 1, stores: int = 0, fed: bool = True) -> None:
        self.clock = StillClock()
        self.console = Console(self.clock, self.live)
        self._lives = iter(lives)
        self.life = Life()
        self.is_on = False
        self._boots = boots
        self.rescued: list[str] = []
        self.interposer = Interposer(self)
        self.power_path = ScriptedPower(self.interposer, fed=fed)
        self.strategy = Strategy(self)
        self.service = Service(stores)
        self.shell = SimpleNamespace(prompt="# ", login_prompt="login: ")
        releases = {name: release(name) for name in ("1.0.0", "2.0.0")}
        self.catalogue = SimpleNamespace(
            releases=releases, release=releases.__getitem__, verify=lambda _: None
        )
        self.bundles = SimpleNamespace(offer=lambda path: f"http://rig/{path.name}")

    def live(self) -> None:
        self.life = next(self._lives)
        self.console.waiting = self.life.said.encode()

    def need(self, name: str) -> Any:
        return getattr(self, name)

    def boot(self) -> int:
        """Bring up a board that has no life left to be cut."""
        self.is_on = True
        return self._boots

    def check_bench(self, _: BoardError) -> None:
        self.power_path.check()

    def software(self) -> tuple[str, str]:
        return KERNEL, f"1.0.0 {KERNEL}"

    def safe_off(self) -> None:
        self.is_on = False

    def rescue(self, release: Release) -> int:
        self.power_path.check()
        self.rescued.append(release.name)
        return 1

# SPDX-License-Identifier: MIT
"""One board and everything around it, as the tests see it."""

import contextlib
import logging
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self, cast, overload

from rig.board.catalogue import Catalogue, Release
from rig.board.flash_map import FlashMap
from rig.board.kernel_messages import without_printk
from rig.board.walnut.service import ANSWER, REQUEST, ServiceClient
from rig.clock import Clock, Deadline, SystemClock
from rig.drivers.console_log import ConsoleLog
from rig.drivers.console_port import ConsolePort
from rig.drivers.console_stream import ConsoleStream
from rig.drivers.strategy import Status
from rig.errors import (
    BenchError,
    BoardError,
    BoardOnError,
    RigError,
    SilentServiceError,
    TakenError,
    UsageError,
)
from rig.instruments.traffic import TrafficProbe
from rig.outage.observers import Observers
from rig.outage.supply_watch import FeedWatch
from rig.outage.watch import ServiceWatch
from rig.place.bundle_server import BundleServer
from rig.place.file import INSTRUMENTS, LIMITS_OPTION, OLD_NAMES, PlaceFile, environment, require
from rig.place.guard import Guard
from rig.place.lock import PlaceLock
from rig.place.power_path import PowerPath
from rig.place.remote import main_target
from rig.place.service_path import ServicePath
from rig.place.tenancy import Tenancy
from rig.place.topology import parts

if TYPE_CHECKING:
    from rig.instruments.generator import Keysight33500B
    from rig.instruments.interposer import Interposer
    from rig.instruments.interrupter import Interrupter
    from rig.instruments.supply import Supply
    from rig.outage.heartbeat import Counter

log = logging.getLogger(__name__)

SOFTWARE_LIMIT_S = 20.0
RATE_HZ = 1000.0  # datagrams a second to the service
OVERHEAD_OCTETS = 14 + 20 + 8 + 4  # Ethernet, IPv4, UDP, frame check sequence


class Place:
    """Everything of one place file, opened.  Use as a context manager: it leaves the board off."""

    def __init__(self, environment: Any, file: PlaceFile, clock: Clock) -> None:  # noqa: ANN401
        self.clock = clock
        self.file = file
        self.path = path = file.path
        self._environment = environment
        main = main_target(environment)
        self.name = path.stem
        self.catalogue = Catalogue.load(Path(environment.config.get_image_path("firmware")))
        self.flash_map = FlashMap.load()
        self.strategy = main.get_driver("WalnutStrategy", activate=False)
        self.power = self.strategy.power
        self.console = self.strategy.console
        port = ConsolePort.of(self.console)
        self._lock = PlaceLock(self.name, port.where or str(path.resolve()))
        self._stream = ConsoleStream(self.console, f"{port.kind}, {port.where}")
        self.shell = self.strategy.shell
        service = main.get_resource("BoardService")
        self.service = ServiceClient(service.host, service.port, clock)
        bundles = main.get_resource("BundleServer")
        self._switched_on = False  # by the rig, since it opened the place
        self._guard = Guard(path, (self._lock.handle,), clock)
        self._tenancy = Tenancy(main)
        self.power.before = self._before_power
        try:
            self.bundles = BundleServer(bundles.bind, bundles.port, bundles.url)
            self._instruments = self._open_instruments(environment)
        except BaseException:
            self._guard.dismiss()
            self._lock.release()
            raise
        self.power_path = PowerPath(
            self.power, self.supply, self.interposer, self.strategy, self._tenancy.check
        )
        self.strategy.check_feed = self.power_path.check
        self.service_path = ServicePath(self.service, self.bundles, self._login, clock)

    @classmethod
    def open(cls, path: Path, clock: Clock | None = None) -> Self:
        """Open a place file.

        Raises:
            UsageError: the file is not a place, names file and key; or it is a place of labgrid's
                coordinator that somebody else holds.
        """
        file = require(path)
        return cls(environment(path), file, clock or SystemClock())

    @staticmethod
    def _open_instruments(environment: Any) -> dict[str, Any]:  # noqa: ANN401
        bench = environment.get_target("bench")
        if bench is None:
            return {}
        found = {}
        for driver in bench.drivers:
            if driver.name in {*INSTRUMENTS, *OLD_NAMES}:
                bench.activate(driver)
                found[driver.name] = driver.instrument
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        try:
            self.close()
        except BenchError as failure:
            if error is None:
                raise
            error.add_note(f"error ({failure.who} must act): {failure}")

    def close(self) -> None:
        """Leave the board off and give everything back, also a supply that the rig has cut.

        Raises:
            BenchError: a part of the power path failed; says whether the board is off.  Of a board
                that the rig has not switched on nobody can say that it is on; that is logged.
        """
        failure = self.safe_off()
        if failure is None:  # or the supply is what keeps the board off
            self.power_path.give_back()
        try:
            self.bundles.close()
            self._environment.cleanup()
        finally:
            self._guard.dismiss()
            self._lock.release()
        if failure and (self._switched_on or not isinstance(failure, BoardOnError)):
            raise failure

    def _before_power(self, on: bool) -> None:
        self._tenancy.check(to_switch_off=not on)
        if on:
            self._switched_on = True
            self._guard.require()

    @property
    def counter(self) -> "Counter | None":
        return cast("Counter | None", self._instruments.get("counter"))

    @property
    def supply(self) -> "Supply | None":
        return cast("Supply | None", self._instruments.get("supply"))

    @property
    def interposer(self) -> "Interposer | None":
        return cast("Interposer | None", self._instruments.get("interposer"))

    @property
    def interrupter(self) -> "Interrupter | None":
        named = [name for name, new in OLD_NAMES.items() if new == "interrupter"]
        found = (self._instruments.get(name) for name in ("interrupter", *named))
        return cast("Interrupter | None", next(filter(None, found), None))

    @property
    def generator(self) -> "Keysight33500B | None":
        return cast("Keysight33500B | None", self._instruments.get("generator"))

    @overload
    def need(self, name: Literal["counter"]) -> "Counter": ...
    @overload
    def need(self, name: Literal["supply"]) -> "Supply": ...
    @overload
    def need(self, name: Literal["interposer"]) -> "Interposer": ...
    @overload
    def need(self, name: str) -> Any: ...  # noqa: ANN401
    def need(self, name: str) -> Any:
        """Return an instrument; UsageError when the place has none."""
        if name not in self._instruments:
            raise UsageError(f"{self.path} has no {name}, which this needs")
        return self._instruments[name]

    def identify(self) -> dict[str, str]:
        """Ask each instrument who it is (``*IDN?``)."""
        return {name: str(item.identity()) for name, item in self._instruments.items()}

    def watch(
        self, folder: Path | None = None, rate_hz: float = RATE_HZ, *, with_feed: bool = False
    ) -> ServiceWatch:
        """Return both instruments over the service, not started; `with_feed`: the supply, too."""
        host, port = self.service.address
        probe = TrafficProbe(host, port, rate_hz, clock=self.clock, directory=folder)
        feed = FeedWatch(self.supply, self.clock) if with_feed and self.supply else None
        return ServiceWatch(Observers(probe, self.counter, self.clock, feed))

    def describe(self, rate_hz: float = RATE_HZ) -> dict[str, Any]:
        """Return what a report says of this place: board, equipment and load (RFC 7654 section 7).

        The place file's `options` may say more of the board than its name: `board`, and the
        `limits` that its figures are held against.
        """
        request = REQUEST.size + OVERHEAD_OCTETS
        return {
            "board": str(self._environment.config.get_option("board", self.name)),
            "limits": self.file.options.get(LIMITS_OPTION, []),
            "sources": dict(self.catalogue.sources),
            "parts": [asdict(part) for part in parts(self._environment)],
            "load": {
                "protocol": "UDP, one request and one answer each",
                "rate_hz": rate_hz,
                "request_octets": request,
                "answer_octets": ANSWER.size + OVERHEAD_OCTETS,
                "bps": rate_hz * request * 8,
            },
        }

    def console_log(self) -> ConsoleLog:
        """Return a recorder of what the console's driver reads."""
        return ConsoleLog(self._stream)

    def restore(self, release: Release, progress: Callable[[float], None] | None = None) -> int:
        """Program the whole golden flash of `release`; the board is off afterwards."""
        self.catalogue.verify(release)
        self.power_path.feed()
        self.strategy.transition(Status.off)
        return int(self.need("interposer").restore(release.golden, progress))

    def rescue(self, release: Release, progress: Callable[[float], None] | None = None) -> int:
        """Bring a dead board back: program its golden flash, prove that it boots, leave it on.

        Return the bytes that were written.

        Raises:
            UsageError: the place has nothing that can program a board that does not run.
            BoardError: the board does not run `release` afterwards.
        """
        if self.interposer is None:
            raise UsageError(
                f"{self.path} has no interposer, and without one the rig cannot program a board "
                f"that does not run: program {release.golden} through JTAG"
            )
        written = self.restore(release, progress)
        self.boot()
        self.await_service(release.name)
        return written

    def boot(self) -> int:
        """Bring the board to its login from whatever state; return how often the PROM started.

        Raises:
            BoardError: it does not come up in the place's boot_limit_s.
            BenchError: it cannot, for it is not fed or cannot be reached, or it is somebody else's
                by now.
        """
        self._tenancy.check()
        try:
            self.strategy.transition(Status.linux)
            self.await_service()
        except BoardError as error:
            self.check_bench(error)
            raise
        return int(self.strategy.boots)

    def await_service(self, release: str | None = None) -> None:
        """Wait until the service answers, with `release` when that is given.

        Raises:
            BoardError: it does not in the place's boot_limit_s.
            BenchError: it cannot; see `check_bench`.
        """
        try:
            deadline = Deadline.after(self.clock, self.strategy.boot_limit_s)
            self.service.wait_up(deadline, release)
        except BoardError as error:
            self.check_bench(error)
            raise

    def check_bench(self, error: BoardError) -> None:
        """Make sure that a failure is the board's own, before it is switched off.

        Raises:
            BenchError: the board is not fed, or its service is well and the way to it is not.
        """
        self.power_path.check()
        if isinstance(error, SilentServiceError):
            self.service_path.check(error)

    def _login(self) -> Any:  # noqa: ANN401 # labgrid is untyped
        self.strategy.transition(Status.linux)
        return self.shell

    def software(self) -> tuple[str, str]:
        """Return the kernel that runs, and release and kernel that the root file system is of.

        Nothing guards a command's answer on a console that others talk into: the board is judged by
        this one, so it is believed when it came twice.

        Raises:
            BenchError: no two answers in a row are the same.
        """
        deadline = Deadline.after(self.clock, SOFTWARE_LIMIT_S)
        before, answer = None, self._software()
        while answer != before:
            if deadline.passed:
                raise BenchError(
                    f"the console breaks what the board says that it runs, last {answer!r}: look at"
                    " who else talks on it, and at its cable"
                )
            before, answer = answer, self._software()
        return answer

    def _software(self) -> tuple[str, str]:
        lines, _, _ = self.shell.run("uname -r; . /etc/walnut-release; echo $RELEASE $KERNEL")
        said = without_printk("\n".join([*lines, ""]))
        kernel, _, identity = said.rstrip("\n").partition("\n")
        return kernel, identity

    def safe_off(self) -> BenchError | None:
        """Switch the board off and disarm cuts, come what may; never raises.

        Return what failed, if anything: it says whether the board is off.
        """
        failure = None
        try:
            self._tenancy.check(to_switch_off=True)
            self.power_path.leave_off(lambda: self.strategy.transition(Status.off))
        except BenchError as error:
            log.warning("%s", error)
            failure = error
        if isinstance(failure, TakenError):
            return failure
        with contextlib.suppress(RigError):
            if self.interposer:
                self.interposer.disarm()
        return failure

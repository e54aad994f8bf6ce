# SPDX-License-Identifier: MIT
"""Calls into labgrid that may never return, or raise anything."""

import threading
from collections.abc import Callable
from typing import Any

from rig.errors import BenchError, RigError


def within(
    limit_s: float,
    who: str,
    what: str,
    act: Callable[[], Any],
    *,
    on_late: Callable[[threading.Thread], object] = lambda _: None,
) -> Any:  # noqa: ANN401 # whatever `act` returns
    """Return what `act` returns, within `limit_s` seconds.

    `who` is the device that is asked, and `what` it is asked to do: "who did not what".
    `on_late` is told of the thread that hangs, and may end what it waits for.

    Raises:
        BenchError: `act` did not return in time, or raised anything.
    """
    answer: list[Any] = []
    failure: list[Exception] = []

    def run() -> None:
        try:
            answer.append(act())
        except Exception as error:  # noqa: BLE001 # labgrid and its backends raise anything
            failure.append(error)

    # A daemon thread: a call that hangs for ever must not keep the process alive.
    thread = threading.Thread(target=run, daemon=True, name=who)
    thread.start()
    thread.join(limit_s)
    if thread.is_alive():
        on_late(thread)
        raise BenchError(f"{who} did not {what} within {limit_s:g} s")
    if failure:
        raise BenchError(f"{who} failed to {what}: {failure[0]}") from failure[0]
    return answer[0]


def activate(driver: Any, who: str) -> None:  # noqa: ANN401 # labgrid is untyped
    """Open a driver and what it is bound to, through labgrid.

    Raises:
        BenchError: it does not.
    """
    try:
        driver.target.activate(driver)
    except RigError:
        raise
    except Exception as error:  # labgrid, its drivers and their libraries raise anything
        raise BenchError(f"{who} cannot be opened: {error}") from error

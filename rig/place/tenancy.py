# SPDX-License-Identifier: MIT
"""Whether labgrid's coordinator still lends the place to this run.

labgrid looks once, when it opens a place.  Anybody may take it away later (`labgrid-client release
--kick`), and nobody tells the run.
"""

import asyncio
import os
from typing import Any

from labgrid.remote.client import Error, start_session
from labgrid.resource.remote import RemotePlace, RemotePlaceManager

from rig.errors import BenchError, TakenError

ANSWER_LIMIT_S = 10.0
HOW = "`labgrid-client places` says whose it is (docs/how-to/reserve-a-board.md)"


class Tenancy:
    """Of the places of one target; a place without a coordinator cannot be taken away."""

    def __init__(self, target: Any) -> None:  # noqa: ANN401 # labgrid is untyped
        self._names = [one.name for one in target.resources if isinstance(one, RemotePlace)]

    def check(self, *, to_switch_off: bool = False) -> None:
        """Make sure that the place is ours.

        One that is nobody's, or whose coordinator is gone, may be switched off: nobody else has
        been given it since.

        Raises:
            TakenError: it is somebody else's by now; its board is to be left alone.
            BenchError: nobody's, or nobody knows.
        """
        for name in self._names:
            try:
                place = self._session().get_place(name)
            except (Error, ConnectionError, TimeoutError) as error:
                self._unless(
                    to_switch_off,
                    f"labgrid's coordinator does not say whose place {name} is: {error}",
                )
                continue
            if not place.acquired:
                self._unless(
                    to_switch_off,
                    f"place {name} was taken away in mid-run, and is nobody's now; {HOW}",
                )
                continue
            try:
                self._session().get_acquired_place(name)
            except Error as error:
                raise TakenError(name, place.acquired) from error

    @staticmethod
    def _unless(to_switch_off: bool, said: str) -> None:
        if not to_switch_off:
            raise BenchError(said)

    @staticmethod
    def _session() -> Any:  # noqa: ANN401
        """Return labgrid's session, which has heard all that the coordinator has to say."""
        manager = RemotePlaceManager.get()
        session = manager.session
        if not session.stopping.is_set():
            heard = asyncio.wait_for(session.sync_with_coordinator(), ANSWER_LIMIT_S)
            if manager.loop.run_until_complete(heard):
                return session
        # It has ended, and may be up again: what it lent before it has forgotten.
        url = session.env.config.get_option(
            "coordinator_address", os.environ.get("LG_COORDINATOR", manager.url)
        )
        manager.session = start_session(url, extra={"env": session.env}, loop=manager.loop)
        return manager.session

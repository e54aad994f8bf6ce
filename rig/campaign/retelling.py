# SPDX-License-Identifier: MIT
"""Has a board say the lines again that got lost on its console, docs/reference/updater-lines.md."""

import logging
import re
from typing import Protocol

from rig.drivers.strategy import Status
from rig.place.place import Place

log = logging.getLogger(__name__)

COMMAND = "cat /run/walnut-lines"
ANSWER_S = 0.5
PROMPT_BYTES = 200


class Retelling(Protocol):
    """What is needed to ask a board again."""

    def is_prompt(self, shown: str) -> bool: ...
    def nudge(self) -> None: ...
    def lines(self) -> list[str]: ...


class PlaceRetelling:
    """A board that keeps its last lines in a file, and has a shell."""

    def __init__(self, place: Place) -> None:
        self._place = place

    def is_prompt(self, shown: str) -> bool:
        """Tell whether `shown`, the end of what came, is a prompt of the board's Linux."""
        shell = self._place.shell
        end = shown[-PROMPT_BYTES:]
        return bool(re.search(rf"(?:{shell.login_prompt}|{shell.prompt})\s*$", end))

    def nudge(self) -> None:
        """Ask for a prompt that may have got lost, by a key that no PROM can take for its own."""
        if self._place.service.echo(ANSWER_S) is not None:
            self._place.console.write(b"\n")

    def lines(self) -> list[str]:
        """Log in, and return what the board kept of its lines.

        Raises:
            BoardError, BenchError: there is no login.
        """
        log.info("a line of the board's got lost: it is asked for its lines again")
        self._place.strategy.lost()
        self._place.strategy.transition(Status.linux)
        lines, _, _ = self._place.shell.run(COMMAND)
        return [str(line) for line in lines]

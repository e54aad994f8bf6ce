# SPDX-License-Identifier: MIT
"""Rules of errors: each says who must act, and what was wanted, waited for and seen."""

import pytest

from rig import errors


@pytest.mark.parametrize(
    ("error", "who"),
    [
        (errors.UsageError("x"), "you"),
        (errors.BenchError("x"), "the lab"),
        (errors.InstrumentError("counter", command="R?", reply=""), "the lab"),
        (errors.BoardError("x"), "the board's developers"),
        (errors.ConsoleSilentError("login:", waited_s=1.0, seen=""), "the board's developers"),
    ],
)
def test_every_error_names_who_must_act(error: errors.RigError, who: str) -> None:
    assert error.who.startswith(who)


def test_a_silent_console_says_what_was_wanted_and_seen_last() -> None:
    error = errors.ConsoleSilentError("login:", waited_s=30.0, seen="x" * 200 + "panic")

    assert str(error).startswith("no 'login:' within 30.0 s; last seen: 'xxx")
    assert str(error).endswith("panic'")

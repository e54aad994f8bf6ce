# SPDX-License-Identifier: MIT
"""A place that the coordinator does not lend is refused, and the error says who must act."""

import os
from types import SimpleNamespace

import pytest
from labgrid.remote.client import ServerError, UserError

from rig.errors import BenchError, UsageError
from rig.place.remote import main_target


class Lent:
    """A labgrid Environment whose coordinator answers with `error`, or lends the place."""

    config_file = "places/lent.yaml"
    config = SimpleNamespace(get_option=lambda _name, _default: "192.0.2.5:20408")

    def __init__(self, error: Exception | None) -> None:
        self._error = error

    def get_target(self, role: str) -> SimpleNamespace:
        if self._error:
            raise self._error
        return SimpleNamespace(name=role, resources=[])


def test_a_place_that_somebody_else_holds_is_yours_to_ask_for() -> None:
    held = UserError("place walnut-1 is not acquired by your user, acquired by alice.")
    with pytest.raises(UsageError, match=r"places/lent\.yaml: .* acquired by alice.*acquire"):
        main_target(Lent(held))


@pytest.mark.parametrize(
    "error",
    [ServerError("Could not connect to coordinator"), ConnectionRefusedError("Could not connect")],
)
def test_a_coordinator_that_does_not_answer_is_the_labs(error: Exception) -> None:
    with pytest.raises(BenchError, match=r"places/lent\.yaml: .*Could not connect"):
        main_target(Lent(error))


def test_a_place_that_is_lent_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its coordinator is asked past a company's proxy, by which gRPC would go."""
    monkeypatch.setenv("no_proxy", "example.org")
    assert main_target(Lent(None)).name == "main"
    assert {"example.org", "192.0.2.5"} <= set(os.environ["no_proxy"].split(","))

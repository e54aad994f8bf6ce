# SPDX-License-Identifier: MIT
"""A place that labgrid's coordinator lends: its complaints as errors that say who must act."""

import logging
import os
import warnings
from typing import Any

import attr
from labgrid.exceptions import InvalidConfigError
from labgrid.remote.client import ServerError, UserError

from rig.drivers.no_proxy import directly
from rig.errors import BenchError, UsageError

log = logging.getLogger(__name__)


class LentEntry:
    """What a coordinator says of a resource, as far as its class here knows it.

    labgrid's RemotePlaceManager looks for each attribute in the class at every activation, and ends
    with an AttributeError at one that only a newer exporter has; when the exporter has gone, with a
    KeyError.  What it lent may well be there still: it is then tried where it was.
    """

    def __init__(self, entry: Any, kind: Any) -> None:  # noqa: ANN401 # labgrid is untyped
        self._entry = entry
        self._names = {field.name for field in attr.fields(kind)}
        self.unknown = sorted(set(entry.args) - self._names)
        self._args: dict[str, Any] = {}
        self._avail = False
        self._look()

    @property
    def args(self) -> dict[str, Any]:
        self._look()
        return self._args

    @property
    def avail(self) -> bool:
        self._look()
        return self._avail

    def _look(self) -> None:
        if "params" in self._entry.data:
            said = self._entry.args.items()
            self._args = {name: value for name, value in said if name in self._names}
            self._avail = self._entry.avail


def main_target(environment: Any) -> Any:  # noqa: ANN401 # labgrid is untyped
    """Return the main target of a labgrid Environment; a RemotePlace must be acquired.

    Raises:
        UsageError: you have not acquired the place, says who has; or it has something that labgrid
            does not know.
        BenchError: coordinator or exporter do not answer.
    """
    path = environment.config_file
    config = environment.config
    directly(config.get_option("coordinator_address", os.environ.get("LG_COORDINATOR", "")))
    try:
        with warnings.catch_warnings():
            # It quotes the value, which may be a password; `_keep_known` says the rest.
            warnings.filterwarnings("ignore", "unsupported attribute", UserWarning)
            target = environment.get_target("main")
    except UserError as error:
        raise UsageError(
            f"{path}: {' '.join(error.args)}; `labgrid-client acquire` takes a free place,"
            " `labgrid-client places` lists them (docs/how-to/reserve-a-board.md)"
        ) from error
    except (ServerError, ConnectionError) as error:
        raise BenchError(
            f"{path}: labgrid's coordinator does not give the place: {error}"
        ) from error
    except InvalidConfigError as error:
        raise UsageError(
            f"{path}: labgrid's coordinator lends what cannot be used here: {error}; have `imports`"
            " name the module that knows it, match it no longer (`labgrid-client del-match`), or"
            " use the labgrid that its exporter has"
        ) from error
    _keep_known(path, target)
    return target


def _keep_known(path: str, target: Any) -> None:  # noqa: ANN401
    for resource in target.resources if target else ():
        entry = getattr(resource, "_remote_entry", None)
        if entry is None or isinstance(entry, LentEntry):
            continue
        kind = type(resource)
        resource._remote_entry = known = LentEntry(entry, kind)  # noqa: SLF001 # no other way
        if known.unknown:
            log.warning(
                "%s: the exporter of its %s is newer than labgrid here: left out %s",
                *(path, kind.__name__, ", ".join(known.unknown)),
            )

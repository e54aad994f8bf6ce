# SPDX-License-Identifier: MIT
"""A place that labgrid's coordinator lends: its complaints as errors that say who must act."""

import os
from typing import Any

from labgrid.remote.client import ServerError, UserError

from rig.direct import directly
from rig.errors import BenchError, UsageError


def main_target(environment: Any) -> Any:  # noqa: ANN401 # labgrid is untyped
    """Return the main target of a labgrid Environment; a RemotePlace must be acquired.

    Raises:
        UsageError: you have not acquired the place; says who has.
        BenchError: coordinator or exporter do not answer.
    """
    path = environment.config_file
    config = environment.config
    directly(config.get_option("coordinator_address", os.environ.get("LG_COORDINATOR", "")))
    try:
        return environment.get_target("main")
    except UserError as error:
        raise UsageError(
            f"{path}: {' '.join(error.args)}; `labgrid-client acquire` takes a free place,"
            " `labgrid-client places` lists them (docs/how-to/reserve-a-board.md)"
        ) from error
    except (ServerError, ConnectionError) as error:
        raise BenchError(
            f"{path}: labgrid's coordinator does not give the place: {error}"
        ) from error

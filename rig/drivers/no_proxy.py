# SPDX-License-Identifier: MIT
"""Lab equipment is spoken to directly, whatever proxy leads from this computer to the world.

`http_proxy` of a company's network is for the world outside; requests, which labgrid's power
backends use, and gRPC, which its coordinator does, go by it for every host that `no_proxy` does
not name.
"""

import os
from urllib.parse import urlsplit

HERE = ("localhost", "127.0.0.1", "::1")
VARIABLES = ("no_proxy", "NO_PROXY")  # requests asks for the first, then for the second


def directly(*addresses: str) -> None:
    """Keep this process and its children from asking a proxy for these (host, host:port, URL)."""
    named = [name for variable in VARIABLES for name in os.environ.get(variable, "").split(",")]
    wanted = [*named, *HERE, *(_host(address) for address in addresses)]
    text = ",".join(dict.fromkeys(name.strip() for name in wanted if name.strip()))
    for variable in VARIABLES:
        os.environ[variable] = text


def _host(address: str) -> str:
    try:
        return urlsplit(address if "://" in address else f"//{address}").hostname or ""
    except ValueError:  # whoever opens it says what is wrong
        return ""

# SPDX-License-Identifier: MIT
"""What a place file can name beyond labgrid's own resources: data only."""

import attr
from labgrid.factory import target_factory
from labgrid.resource import Resource
from labgrid.resource.common import NetworkResource

from rig.errors import UsageError
from rig.instruments import find


def known_model(_instance: object, _field: object, value: str) -> None:
    """Refuse a model that is not there, by attrs' way: ValueError."""
    try:
        find(value)
    except UsageError as error:
        raise ValueError(str(error)) from error


@target_factory.reg_resource
@attr.s(eq=False)
class BoardService(NetworkResource):
    """Where the board's service answers datagrams, as seen from the rig.

    Args:
        host (str): host
        port (int): UDP port
    """

    port = attr.ib(validator=attr.validators.instance_of(int))


@target_factory.reg_resource
@attr.s(eq=False)
class BundleServer(Resource):
    """Where the rig serves bundles to the board.

    Args:
        bind (str): address of the rig to listen at
        port (int): TCP port
        url (str): the same as the board sees it, without a path
    """

    bind = attr.ib(validator=attr.validators.instance_of(str))
    port = attr.ib(validator=attr.validators.instance_of(int))
    url = attr.ib(validator=attr.validators.instance_of(str))


@target_factory.reg_resource
@attr.s(eq=False)
class ScpiInstrument(Resource):
    """An instrument that speaks SCPI.

    Args:
        visa (str): VISA resource, for example TCPIP0::192.0.2.7::5025::SOCKET
        model (str): a key of rig.instruments.MODELS
        channel (int): which of its channels is wired to the board
        timeout_s (float): how long one answer may take
        backend (str): pyvisa's library, "@py" or "@ivi"
    """

    visa = attr.ib(validator=attr.validators.instance_of(str))
    model = attr.ib(validator=[attr.validators.instance_of(str), known_model])
    channel = attr.ib(default=1, validator=attr.validators.instance_of(int))
    timeout_s = attr.ib(default=5.0, converter=float)
    backend = attr.ib(default="@py", validator=attr.validators.instance_of(str))

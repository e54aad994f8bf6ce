# SPDX-License-Identifier: MIT
"""A PDU that speaks Shelly's Gen2 RPC over HTTP: the dialect of labgrid's `shelly_gen2`.

Shelly Gen2 API documentation, "RPC Protocol" and "Switch".
"""

import asyncio
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from rig.virtual.board.power import Feed

MAINS_V = 230.1
HANG_S = 3600.0
SHUTDOWN_LIMIT_S = 0.1  # a client that hangs on us must not keep the bench from ending


@dataclass(slots=True)
class PduFaults:
    """`hang` never answers, `lie` says done and does nothing, `refuse` answers HTTP 500."""

    hang: bool = False
    lie: bool = False
    refuse: bool = False
    met: int = 0  # how often one of them has acted


class Pdu:
    """One switch, id 0."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self.faults = PduFaults()

    async def serve(self, host: str, port: int) -> web.AppRunner:
        """Listen; `cleanup()` of what is returned ends it."""
        app = web.Application()
        app.router.add_post("/rpc", self._post)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_LIMIT_S)
        await runner.setup()
        await web.TCPSite(runner, host, port, reuse_address=True).start()
        return runner

    def call(self, request: dict[str, Any]) -> dict[str, Any]:
        """Answer one RPC frame."""
        answer = {"id": request.get("id"), "src": "shellyplugsg3-walnut"}
        method = str(request.get("method", "")).lower()
        parameters = request.get("params") or {}
        # labgrid sends the id as text, and real switches take it
        if method in {"switch.set", "switch.getstatus"} and str(parameters.get("id")) != "0":
            message = f"Argument 'id', value {parameters.get('id')!r} not found!"
            return answer | {"error": {"code": -105, "message": message}}
        if method == "switch.set":
            if not isinstance(parameters.get("on"), bool):
                return answer | {"error": {"code": -103, "message": "Missing argument 'on'!"}}
            was_on = self._feed.outlet
            if self.faults.lie:
                self.faults.met += was_on is not parameters["on"]
            else:
                self._feed.switch(outlet=parameters["on"])
            return answer | {"result": {"was_on": was_on}}
        if method == "switch.getstatus":
            on = self._feed.outlet
            watts = 4.2 if self._feed.powered else 0.9 if on else 0.0
            status = {"id": 0, "source": "HTTP_in", "output": on, "apower": watts}
            return answer | {"result": {**status, "voltage": MAINS_V, "current": watts / MAINS_V}}
        if method == "shelly.getdeviceinfo":
            info = {"id": "shellyplugsg3-walnut", "model": "S3PL-00112EU", "gen": 3, "ver": "1.4.4"}
            return answer | {"result": info}
        return answer | {"error": {"code": 404, "message": f"No handler for {method}"}}

    async def _post(self, request: web.Request) -> web.Response:
        self.faults.met += self.faults.hang or self.faults.refuse
        if self.faults.hang:
            await asyncio.sleep(HANG_S)
        if self.faults.refuse:
            return web.json_response({"code": -1, "message": "relay"}, status=500)
        try:
            frame = await request.json()
        except ValueError:
            frame = None
        return web.json_response(self.call(frame if isinstance(frame, dict) else {}))

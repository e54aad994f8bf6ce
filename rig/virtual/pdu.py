# SPDX-License-Identifier: MIT
"""A PDU that speaks Shelly's Gen2 RPC over HTTP: the dialect of labgrid's `shelly_gen2`.

Shelly Gen2 API documentation, "RPC Protocol" and "Switch".
"""

import asyncio
import json
from dataclasses import dataclass
from typing import Any

from rig.virtual.power import Feed

MAINS_V = 230.1
HANG_S = 3600.0
BODY_LIMIT = 1 << 16


@dataclass(slots=True)
class PduFaults:
    """`hang` never answers, `lie` says done and does nothing, `refuse` answers HTTP 500."""

    hang: bool = False
    lie: bool = False
    refuse: bool = False


class Pdu:
    """One switch, id 0."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self.faults = PduFaults()

    async def serve(self, host: str, port: int) -> asyncio.Server:
        return await asyncio.start_server(self._talk, host, port)

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
            if not self.faults.lie:
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

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._exchange(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, ValueError):
            pass  # the client has gone, or it does not speak HTTP
        finally:
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        start = await reader.readline()
        if not start:
            return False
        length = 0
        while header := (await reader.readline()).strip():
            key, _, value = header.partition(b":")
            if key.lower() == b"content-length":
                length = min(int(value), BODY_LIMIT)
        body = await reader.readexactly(length)
        if self.faults.hang:
            await asyncio.sleep(HANG_S)
        if self.faults.refuse:
            await _send(writer, "500 Internal Server Error", {"code": -1, "message": "relay"})
        elif start.startswith(b"POST /rpc "):
            try:
                request = json.loads(body)
            except ValueError:
                request = {}
            await _send(writer, "200 OK", self.call(request))
        else:
            await _send(writer, "404 Not Found", {"code": 404, "message": "Not Found"})
        return True


async def _send(writer: asyncio.StreamWriter, status: str, answer: dict[str, Any]) -> None:
    body = json.dumps(answer).encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    writer.write(f"{head}\r\n\r\n".encode() + body)
    await writer.drain()

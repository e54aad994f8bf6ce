# SPDX-License-Identifier: MIT
"""What a power switch answers, word for word.

labgrid's backends read the little that they look for: for some of them whatever is not the word for
"on" is "off", a page that asks for a password too.
"""

import re
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote, urlsplit

import requests
from requests.auth import HTTPDigestAuth

from rig.errors import BenchError

END_S = 30.0  # labgrid sets no limit: a call that hangs would keep its connection for ever
UNAUTHORIZED = 401
SHOWN = 200  # characters
WORDS = (
    r'\s*(1|on|true|{"POWER\d*":"on"})\s*',  # the last is Tasmota's
    r'\s*(0|off|false|{"POWER\d*":"off"})\s*',
)
# How a whole answer says on and off, of backends that would take any other answer for "off".
STATES = {
    "rest": WORDS,
    "simplerest": WORDS,
    "pe6216": (r".*<\d+>ON<.*", r".*<\d+>OFF<.*"),  # or PENDING
    "tinycontrol": (r".*<out{index}>1<.*", r".*<out{index}>0<.*"),
    "tinycontrol_tcpdu": (r'.*"out{index}"\s*:\s*1\b.*', r'.*"out{index}"\s*:\s*0\b.*'),
}


class Heard:
    """`requests` as one of labgrid's backends calls it; keeps each thread's last answer."""

    def __init__(self) -> None:
        self._last = threading.local()

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 # whatever requests has
        return getattr(requests, name)

    @classmethod
    def of(cls, backend: Any) -> "Heard":  # noqa: ANN401 # a module
        """Listen to a backend from now on; to one that speaks no HTTP there is nothing to hear."""
        heard = getattr(backend, "requests", None)
        if isinstance(heard, cls):
            return heard
        heard = cls()
        if hasattr(backend, "requests"):
            backend.requests = heard
        return heard

    def get(self, url: str, **options: Any) -> requests.Response:  # noqa: ANN401 # as requests
        return self._asked("GET", url, options)

    def post(self, url: str, data: Any = None, **options: Any) -> requests.Response:  # noqa: ANN401
        return self._asked("POST", url, {"data": data, **options})

    def put(self, url: str, data: Any = None, **options: Any) -> requests.Response:  # noqa: ANN401
        return self._asked("PUT", url, {"data": data, **options})

    def _asked(self, method: str, url: str, options: dict[str, Any]) -> requests.Response:
        options.setdefault("timeout", END_S)
        response = requests.request(method, url, **options)  # noqa: S113 # see above
        if response.status_code == UNAUTHORIZED and (digest := _digest(response, url)):
            response = requests.request(method, url, **options | {"auth": digest})  # noqa: S113
        self._last.text = response.text
        return response

    def forget(self) -> None:
        self._last.text = ""

    @property
    def text(self) -> str:
        """The last answer of this thread since `forget`."""
        return str(getattr(self._last, "text", ""))

    @property
    def shown(self) -> str:
        """The same for a line of text."""
        return " ".join(self.text.split())[:SHOWN]


def _digest(response: requests.Response, url: str) -> HTTPDigestAuth | None:
    """Return the user of an address, if the switch wants to know it by digest (RFC 7616).

    Shelly's plugs of the second generation do, and requests takes what an address has for basic.
    """
    user = urlsplit(url)
    wanted = response.headers.get("WWW-Authenticate", "")
    if not user.username or not wanted.lower().startswith("digest"):
        return None
    return HTTPDigestAuth(unquote(user.username), unquote(user.password or ""))


class Answers:
    """What the switch of one of labgrid's NetworkPowerDrivers answers."""

    def __init__(self, power: Any) -> None:  # noqa: ANN401 # labgrid is untyped
        self._heard = Heard.of(power.backend)
        self._model, self._index = power.port.model, power.port.index
        self.to_command = ""  # to the last one; nothing where it cannot be heard

    def read(self, ask: Callable[[], Any]) -> bool:
        """Return whether it is on.

        Raises:
            BenchError: it does not say so; holds what it said.
        """
        answer = self._call(ask)
        if self._model in STATES:
            answer = _state(self._model, self._index, self._heard.text)
        return on_or_off(answer, self._heard.shown)

    def switch(self, act: Callable[[], Any]) -> None:
        self._call(act)
        self.to_command = self._heard.shown

    def _call(self, act: Callable[[], Any]) -> Any:  # noqa: ANN401
        self._heard.forget()
        try:
            return act()
        except Exception as error:
            if not self._heard.text:
                raise
            said = f"{type(error).__name__}: {error}; it answered {self._heard.shown!r}"
            raise BenchError(said) from error


def on_or_off(answer: object, text: str = "") -> bool:
    """Return what a switch answered; to take anything else for "off" would leave a board on.

    Raises:
        BenchError: it is neither on nor off.
    """
    if answer in (True, False):
        return bool(answer)
    raise BenchError(f"it is neither on nor off: it answered {text or answer!r}")


def _state(model: str, index: object, text: str) -> bool | None:
    on, off = (pattern.replace("{index}", str(index)) for pattern in STATES[model])
    if re.fullmatch(on, text, re.IGNORECASE | re.DOTALL):
        return True
    return False if re.fullmatch(off, text, re.IGNORECASE | re.DOTALL) else None

# SPDX-License-Identifier: MIT
"""A power switch that fails half-way is not believed: "off" is what says "off", and nothing else.

What labs have reported of theirs, each as a small input; docs/reference/place-file.md has the rule.
"""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any

import pytest
from labgrid import Target
from labgrid.driver import NetworkPowerDriver
from labgrid.driver.power import pe6216
from labgrid.resource import NetworkPowerPort

from rig.drivers.heard import Answers
from rig.drivers.power import CheckedPowerDriver, checked
from rig.errors import BenchError

LIMIT_S = 1.5  # long enough to be asked again
LOGIN = "<html><form>Session over. Password: <input></form></html>"
REFUSED = '{"id":1,"src":"plug","error":{"code":-103,"message":"Argument \'id\' is missing"}}'
UNKNOWN = '{"code":401,"message":"{\\"auth_type\\": \\"digest\\"}"}'

CHALLENGE = 'Digest qop="auth", realm="plug", nonce="60dc2c69", algorithm=SHA-256'
TASMOTA = '{"WARNING":"Need user=<username>&password=<password>"}'

Answer = tuple[int, str]


class Box(ThreadingHTTPServer):
    """A switch with an outlet; `instead` are answers given in place of its own, the last always."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.on = False
        self.asked = 0
        self.instead: list[Answer] = []
        self.always: Answer | None = None
        self.wants_digest = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def answer(self, path: str, body: bytes) -> Answer:
        self.asked += 1
        if self.instead:
            return self.instead.pop(0)
        if self.always:
            return self.always
        if path == "/rpc":
            asked = json.loads(body)
            if asked["method"] == "Switch.Set":
                self.on = asked["params"]["on"]
            return 200, json.dumps({"id": 1, "result": {"output": self.on}})
        if path.startswith("/api/outlet/relay"):  # pe6216
            self.on = b"method=on" in body or (self.on and b"method=off" not in body)
            return 200, f"<3>{'ON' if self.on else 'OFF'}</3>"
        if path.startswith("/cm?cmnd=Power"):  # Tasmota
            told = path.removeprefix("/cm?cmnd=Power%20")
            self.on = told == "1" if told else self.on
            return 200, f'{{"POWER":"{"ON" if self.on else "OFF"}"}}'
        if body in {b"0", b"1"}:  # rest
            self.on = body == b"1"
        elif path[-1] in "01":  # simplerest
            self.on = path[-1] == "1"
        return 200, "1\n" if self.on else "0\n"


class _Handler(BaseHTTPRequestHandler):
    server: Box

    def _give(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        known = self.headers.get("Authorization", "").startswith('Digest username="admin"')
        if self.server.wants_digest and not known:
            status, text = 401, UNKNOWN
        else:
            status, text = self.server.answer(self.path, body)
        self.send_response(status)
        if status == 401:
            self.send_header("WWW-Authenticate", CHALLENGE)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    do_GET = do_POST = do_PUT = _give  # noqa: N815 # http.server's names

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def box() -> Iterator[Box]:
    with Box() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def opened(box: Box, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """Give a function that opens the box by a model of labgrid's."""
    monkeypatch.setattr(pe6216, "PORT", box.server_address[1])
    hosts = {
        "rest": f"{box.url}/outlet",
        "simplerest": f"{box.url}/outlet/{{value}}",
        "shelly_gen2": box.url,
        "pe6216": "127.0.0.1",
    }
    target = Target("main")

    def open_by(model: str, kind: Any = CheckedPowerDriver, host: str = "") -> Any:
        NetworkPowerPort(target, None, model=model, host=host or hosts[model], index=3)
        power = checked(kind(target, None))
        power.deadline_s = LIMIT_S
        target.activate(power)
        return power

    yield open_by
    target.cleanup()


@pytest.mark.parametrize("kind", [CheckedPowerDriver, NetworkPowerDriver])
@pytest.mark.parametrize("model", ["rest", "simplerest", "shelly_gen2", "pe6216"])
def test_a_page_that_asks_for_a_password_is_not_taken_for_off(
    box: Box, opened: Callable[..., Any], model: str, kind: type
) -> None:
    """HTTP 200 and an error in its body: github.com/labgrid-project/labgrid/issues/1263's kind."""
    power = opened(model, kind)
    power.on()
    assert box.on
    box.always = (200, LOGIN)
    with pytest.raises(BenchError, match=r"it answered '<html><form>Session over"):
        power.off()
    assert box.on
    box.always = None
    power.off()
    assert (box.on, power.get()) == (False, False)


def test_a_tasmota_plug_that_wants_a_password_is_not_taken_for_off(
    box: Box, opened: Callable[..., Any]
) -> None:
    """It says so with HTTP 200: github.com/arendst/Tasmota/issues/8170."""
    power = opened("simplerest", host=f"{box.url}/cm?cmnd=Power%20{{value}}")
    power.on()
    assert power.get()
    box.always = (200, TASMOTA)
    with pytest.raises(BenchError, match=r"it answered .*Need user="):
        power.off()
    box.always = None
    power.off()
    assert not box.on


def test_a_box_that_is_slow_is_not_stormed(box: Box, opened: Callable[..., Any]) -> None:
    """Each question is a connection, and it has few: github.com/rroller/dahua/issues/603."""
    power = opened("shelly_gen2")
    power.deadline_s = 3.0
    box.always = (200, json.dumps({"id": 1, "result": {"output": False}}))
    with pytest.raises(BenchError, match="reads back the opposite"):
        power.on()
    assert box.asked <= 10


def test_an_outlet_that_is_still_to_switch_is_not_off(box: Box, opened: Callable[..., Any]) -> None:
    """An Aten PE6216 says PENDING for seconds: github.com/labgrid-project/labgrid/pull/1324."""
    power = opened("pe6216")
    power.on()
    box.instead = [(200, "<3>PENDING</3>"), (200, "<3>PENDING</3>")]
    assert power.get()
    assert not box.instead


@pytest.mark.parametrize("answer", [None, "off", "0", 2, {}])
def test_an_answer_that_is_neither_on_nor_off_is_named(answer: object) -> None:
    """`sentry` and `mfi_mpower` return None then; github.com/labgrid-project/labgrid/pull/1154."""
    port = SimpleNamespace(model="sentry", index=1)
    answers = Answers(SimpleNamespace(backend=SimpleNamespace(), port=port))
    with pytest.raises(BenchError, match=r"neither on nor off: it answered"):
        answers.read(lambda: answer)


def test_why_a_plug_does_not_do_it_is_said(box: Box, opened: Callable[..., Any]) -> None:
    """As github.com/windkh/node-red-contrib-shelly/issues/195 wanted: the reason is in the body."""
    power = opened("shelly_gen2")
    power.on()
    box.always = (400, REFUSED)
    with pytest.raises(BenchError, match=r"'off': HTTPError: 400 .*Argument .*id.* is missing"):
        power.off()
    box.always = (200, REFUSED)
    with pytest.raises(BenchError, match=r"KeyError: 'result'; it answered .* is missing"):
        power.get()
    assert box.on


def test_a_plug_that_refuses_a_command_with_200_is_quoted(
    box: Box, opened: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    power = opened("shelly_gen2")
    own = box.answer

    def refuse(path: str, body: bytes) -> Answer:
        return (200, REFUSED) if b"Switch.Set" in body else own(path, body)

    monkeypatch.setattr(box, "answer", refuse)
    with pytest.raises(BenchError, match=r"reads back the opposite; it answered .*Argument"):
        power.on()


def test_a_plug_that_takes_a_password_amiss_once_is_asked_again(
    box: Box, opened: Callable[..., Any]
) -> None:
    """Shelly's firmware 2: 401, and the next is good; github.com/home-assistant/core #177277."""
    power = opened("shelly_gen2")
    power.on()
    box.instead = [(401, UNKNOWN)]
    power.off()
    assert not box.on
    box.always = (401, UNKNOWN)
    with pytest.raises(BenchError, match=r"HTTPError: 401 .*digest"):
        power.on()


def test_a_plug_that_knows_its_users_by_digest_is_given_what_its_address_has(
    box: Box, opened: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    """Shelly's own, once it has a password: github.com/fermayo/shelly-bulk-update/issues/18."""
    box.wants_digest = True
    power = opened("shelly_gen2", host=box.url.replace("//", "//admin:s3cret@"))
    power.on()
    assert (box.on, power.get()) == (True, True)
    power.off()
    assert not box.on
    assert "s3cret" not in caplog.text

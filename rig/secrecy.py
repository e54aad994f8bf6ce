# SPDX-License-Identifier: MIT
"""Hides passwords in whatever leaves the rig: reports, records, errors, logs.

Labs write them into addresses, for labgrid's power backends and SQLAlchemy read them there, and the
libraries below quote whole addresses in their errors.
"""

import logging
import re
from typing import Any

HIDDEN = "***"
_NAME = r"pass|passwd|password|passphrase|pwd|secret|token|api_?key|auth|community"
_SERVER = "postgresql"
_ANY = r"""[^\s'"<>]"""
_PATTERNS = tuple(
    (re.compile(pattern, re.IGNORECASE), shown)
    for pattern, shown in (
        # scheme://user:password@host; a password may hold what should have been quoted (/ ? # @),
        # but host:port/path@x is none.
        (
            rf"""(?<!{_SERVER})(://)(?:[^\s/?#'"<>@:]*:(?!\d{{1,5}}[/?#]){_ANY}*|[^\s/?#'"<>]*)@""",
            rf"\g<1>{HIDDEN}@",
        ),
        # a server of records: its user is no secret, and belongs to the command that is told
        (rf"""({_SERVER}://[^\s/@:]*):{_ANY}*@""", rf"\g<1>:{HIDDEN}@"),
        # user:password@host, or :password@host, as some power backends take it
        (
            r"""(?<![\w/])[\w.%+-]*:(?!\*\*\*@)[^\s/@:'"]+@(?=[\w-]+\.[\w.-]+|localhost)""",
            f"{HIDDEN}@",
        ),
        # password=x in a query, a DSN or a call; 'password': 'x' in a mapping
        (
            rf"""\b([\w-]*(?:{_NAME})=)("[^"]*"|'[^']*'|[^\s&;,'")]+)""",
            rf"\g<1>{HIDDEN}",
        ),
        (rf"""((["'])[\w-]*(?:{_NAME})\2:\s*)(["']).*?\3""", rf"\g<1>\g<3>{HIDDEN}\g<3>"),
        (r"(Authorization:\s*\w+\s+)\S+", rf"\g<1>{HIDDEN}"),
        # urllib.parse quotes what follows the colon, and with a / in the password that is its start
        (r"(cast to integer value as )'[^']*'", rf"\g<1>'{HIDDEN}'"),
    )
)


def hide(text: str) -> str:
    """Return a text without users and passwords of addresses, and without what is called one."""
    for pattern, shown in _PATTERNS:
        text = pattern.sub(shown, text)
    return text


def hide_in(error: BaseException) -> None:
    """Hide what an error says, and all that led to it: tracebacks quote every one."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        waiting += [one.__cause__, one.__context__, *getattr(one, "exceptions", ())]
        if (said := str(one)) != hide(said):
            one.args = (hide(said),)
            for name, value in vars(one).items():  # pexpect's errors say what they keep there
                if isinstance(value, str):
                    setattr(one, name, hide(value))
            if isinstance(one, OSError):
                one.strerror = hide(str(one.strerror or ""))


def in_logs() -> None:
    """Hide in every log record of this process, whoever writes it and wherever it goes."""
    make = logging.getLogRecordFactory()
    if getattr(make, "hides", False):
        return

    def record(*words: Any, **named: Any) -> logging.LogRecord:  # noqa: ANN401 # logging's own
        made = make(*words, **named)
        said = made.getMessage()
        if (shown := hide(said)) != said:
            made.msg, made.args = shown, None
        if made.exc_info and isinstance(made.exc_info[1], BaseException):
            hide_in(made.exc_info[1])
        return made

    record.hides = True  # type: ignore[attr-defined]
    logging.setLogRecordFactory(record)

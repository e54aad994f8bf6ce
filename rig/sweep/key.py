# SPDX-License-Identifier: MIT
"""The replay key: everything that a cut was made of, as one word that repeats it."""

import re
from dataclasses import dataclass
from typing import Literal, Self, TypeAlias, get_args

from rig.board.catalogue import Catalogue, Prom, Release
from rig.errors import UsageError
from rig.faults.plan import HASH_DIGITS, KEY_FORMAT, Plan, parse

What: TypeAlias = Literal["upgrade", "downgrade", "confirm", "rollback", "data", "prom"]
WHATS: tuple[What, ...] = get_args(What)
_KEY = re.compile(r"([a-z0-9]+)/([a-z]+)/([^/@]+)@([0-9a-f]+)/([^/@]+)@([0-9a-f]+)/(.+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepKey:
    """Everything that a trial was made of, as one word: it repeats the trial."""

    what: What
    old: str
    old_hash: str
    new: str
    new_hash: str
    plan: Plan

    @classmethod
    def of(cls, what: What, old: Release, new: Release | Prom, plan: Plan) -> Self:
        return cls(
            what=what,
            old=old.name,
            old_hash=old.golden_sha256[:HASH_DIGITS],
            new=str(new),
            new_hash=new.bundle_sha256[:HASH_DIGITS],
            plan=plan,
        )

    def __str__(self) -> str:
        ends = f"{self.old}@{self.old_hash}/{self.new}@{self.new_hash}"
        return f"{KEY_FORMAT}/{self.what}/{ends}/{self.plan}"

    def check(self, catalogue: Catalogue) -> None:
        """Make sure that the releases are those that the key was made with.

        Raises:
            UsageError: one is not there, or has other bytes.
        """
        old, new = catalogue.release(self.old), catalogue.target(self.what, self.new)
        for name, wanted, found in (
            (self.old, self.old_hash, old.golden_sha256),
            (self.new, self.new_hash, new.bundle_sha256),
        ):
            if not found.startswith(wanted):
                raise UsageError(
                    f"the key was made with a release {name} of hash {wanted}; {catalogue.index}"
                    f" has {found[:HASH_DIGITS]}: check out the firmware of that time and build it"
                )


def parse_key(text: str) -> SweepKey:
    """Read a key from its text form; ``str(parse_key(text)) == text``.

    Raises:
        UsageError: it is no key, or another version of the rig made it.
    """
    found = _KEY.fullmatch(text)
    if found is None:
        example = f"{KEY_FORMAT}/upgrade/1.0.0@…/2.0.0@…/cut@op:700/torn:seed=1"
        raise UsageError(f"{text!r} is not a replay key; one looks like {example}")
    version, what, old, old_hash, new, new_hash, plan = found.groups()
    if version != KEY_FORMAT:
        raise UsageError(
            f"the key is of another version of the rig: {version}, this one reads {KEY_FORMAT}"
        )
    if what == "test":
        raise UsageError("the key is of a test of somebody's own: rig test FILE --key KEY")
    known = {name: name for name in WHATS}
    if what not in known:
        raise UsageError(f"the key's exercise {what!r} is none of {', '.join(WHATS)}")
    return SweepKey(
        what=known[what], old=old, old_hash=old_hash, new=new, new_hash=new_hash, plan=parse(plan)
    )

# SPDX-License-Identifier: MIT
"""A contract of import-linter's: what is in a room is reached through its door alone.

A door is a package's __init__.py.  Its `__all__` names what others may use: modules of the room, or
names of the door's own.  It imports no module for that, so a program loads only what it uses.
"""

import ast
from pathlib import Path

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


def listed(package: str) -> set[str]:
    """Return the `__all__` of a package's door, read and not run."""
    door = Path(*package.split("."), "__init__.py")
    for node in ast.parse(door.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return set(ast.literal_eval(node.value))
    return set()


def doors(importer: str, imported: str) -> list[tuple[str, str]]:
    """Return each door on the way to a module, with what it has to list."""
    ours, theirs = importer.split("."), imported.split(".")
    shared = 0
    while shared < min(len(ours), len(theirs)) and ours[shared] == theirs[shared]:
        shared += 1
    return [(".".join(theirs[:depth]), theirs[depth]) for depth in range(shared + 1, len(theirs))]


class Doors(Contract):
    """No module below `root` imports from another package what its door does not list."""

    type_name = "doors"
    root = fields.StringField()

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        del verbose
        rooms = graph.find_descendants(str(self.root))
        open_to_all = {name: listed(name) for name in rooms if graph.find_children(name)}
        broken = []
        for importer in sorted(rooms):
            for imported in sorted(graph.find_modules_directly_imported_by(importer)):
                broken += [
                    f"{importer} -> {imported}: {name!r} is not in the __all__ of {package}"
                    for package, name in doors(importer, imported)
                    if package in open_to_all and name not in open_to_all[package]
                ]
        return ContractCheck(kept=not broken, metadata={"broken": broken})

    def render_broken_contract(self, check: ContractCheck) -> None:
        for line in check.metadata["broken"]:
            output.print_error(f"- {line}", bold=False)
        output.new_line()

"""The layout that the architecture page promises: arrows run one way, and rooms stay small."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

from tests.repository import ROOT

ORDER = ("debate_env", "debateqd.agents", "debateqd.qd")
LINES = 450
ENTRIES = 25


def sources() -> dict[str, Path]:
    """Every module of the project by its name."""
    found = {}
    for folder, package in (("debate_env", ""), ("agents", "debateqd."), ("qd", "debateqd.")):
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[package + ".".join(p for p in parts if p != "__init__")] = path
    return found


SOURCES = sources()


def is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def imported(body: list[ast.stmt]) -> Iterator[str]:
    """Modules that a module imports when it is imported itself."""
    for node in body:
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield whole if whole in SOURCES else node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.If | ast.Try | ast.With) and not is_for_types(node):
            yield from imported([n for n in ast.iter_child_nodes(node) if isinstance(n, ast.stmt)])


def graph() -> dict[str, set[str]]:
    return {
        name: {m for m in imported(ast.parse(path.read_text()).body) if m in SOURCES} - {name}
        for name, path in SOURCES.items()
    }


def test_no_modules_import_each_other_in_a_circle():
    order = list(TopologicalSorter(graph()).static_order())  # raises where there is a circle
    assert len(order) == len(SOURCES) > 200


def test_imports_run_one_way():
    def place(name: str) -> int:
        return max(n for n, package in enumerate(ORDER) if name.startswith(package))

    wrong = [(a, b) for a, found in graph().items() for b in found if place(b) > place(a)]
    assert wrong == []


def test_files_and_folders_can_be_taken_in():
    long = {n: k for n, p in SOURCES.items() if (k := len(p.read_text().splitlines())) > LINES}
    assert long == {}
    folders = {path.parent for path in SOURCES.values()}
    wide = {
        str(f): k
        for f in folders
        if (k := sum(not p.name.startswith(("__pycache__", ".")) for p in f.iterdir())) > ENTRIES
    }
    assert wide == {}


def test_no_two_things_have_one_name():
    """Classes and types of one name would be a reader's trap; private ones are their module's."""
    homes: dict[str, set[str]] = {}
    for module, path in SOURCES.items():
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef):
                names = [node.name]
            elif isinstance(node, ast.Assign | ast.AnnAssign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                names = [t.id for t in targets if isinstance(t, ast.Name) and not t.id.isupper()]
            else:
                continue
            for name in names:
                if name[0].isupper():
                    homes.setdefault(name, set()).add(module)
    assert {name: found for name, found in homes.items() if len(found) > 1} == {}

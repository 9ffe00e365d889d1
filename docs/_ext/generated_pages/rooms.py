"""The rooms of the packages: how the layer contract stacks them, and who imports whom."""

import importlib
import pkgutil
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import grimp

from generated_pages.text import code, escaped, summary, table

PACKAGES = ("porting", "finta", "keras_model", "reference_torch", "tractography")
Edges = set[tuple[str, str]]


def layers(contracts: Path, package: str) -> list[list[str]]:
    """The rooms of a package from the top down, as the layer contract of ``pyproject.toml`` has them."""
    for contract in tomllib.loads(contracts.read_text())["tool"]["importlinter"]["contracts"]:
        rows = [[name.strip() for name in row.replace(":", "|").split("|")] for row in contract["layers"]]
        if contract.get("containers") == [package]:
            return rows
        own = [[name.removeprefix(f"{package}.") for name in row if name.startswith(f"{package}.")] for row in rows]
        if not contract.get("containers") and sum(map(len, own)) > 1:
            return [row for row in own if row]
    return []


def imports(package: str) -> Edges:
    """Which room imports which, without those imports that others imply."""
    graph = grimp.build_graph(package, cache_dir=None)
    found = {
        (_room(module), _room(imported))
        for module in graph.modules - {package}
        for imported in graph.find_modules_directly_imported_by(module)
        if imported != package
    }
    return _reduced({(above, below) for above, below in found if above != below})


def _room(module: str) -> str:
    return module.split(".")[1]


def _reduced(edges: Edges) -> Edges:
    below: dict[str, set[str]] = {}
    for room, imported in edges:
        below.setdefault(room, set()).add(imported)

    def reached(room: str) -> set[str]:
        return below.get(room, set()).union(*map(reached, below.get(room, ())))

    return {(room, to) for room, to in edges if not any(to in reached(other) for other in below[room] - {to})}


def markdown() -> str:
    """Every room with what it says of itself, and every module with its line."""
    return "\n\n".join(_package(importlib.import_module(name)) for name in PACKAGES)


def _package(package: ModuleType) -> str:
    rooms = [importlib.import_module(f"{package.__name__}.{room}") for room in _names(package, rooms=True)]
    sections = [f"### {code(package.__name__)}\n\n{escaped(summary(package))}", _modules(package)]
    for room in rooms:
        sections += [f"#### {code(room.__name__)}\n\n{escaped(' '.join((room.__doc__ or '').split()))}", _modules(room)]
    return "\n\n".join(sections)


def _names(package: ModuleType, *, rooms: bool) -> Iterator[str]:
    return (each.name for each in pkgutil.iter_modules(package.__path__) if each.ispkg == rooms and each.name[0] != "_")


def _modules(package: ModuleType) -> str:
    """A row for each module; causes import torch, and all are read rather than run where they can be."""
    modules = (importlib.import_module(f"{package.__name__}.{name}") for name in _names(package, rooms=False))
    return table(("module", "what it is"), ((code(each.__name__.rsplit(".", 1)[1]), escaped(summary(each))) for each in modules))

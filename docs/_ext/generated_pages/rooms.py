"""The rooms of the packages: how the layer contract stacks them, and who imports whom."""

import importlib
import pkgutil
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import grimp

from generated_pages.text import code, escaped, summary, table

PACKAGES = ("porting", "finta", "keras_model", "reference_torch", "tractography")
TOOLS = ("porting", "tractography")
MODELS = ("keras_model", "reference_torch")
Edges = set[tuple[str, str]]


def layers(contracts: Path, package: str) -> list[list[str]]:
    """The rooms of a package from the top down, as the layer contract of ``pyproject.toml`` has them."""
    for contract in tomllib.loads(contracts.read_text())["tool"]["importlinter"]["contracts"]:
        rows = [[name.strip() for name in re.split("[|:]", row)] for row in contract["layers"]]
        if contract.get("containers") == [package]:
            return rows
        if not contract.get("containers") and sum(name.startswith(f"{package}.") for row in rows for name in row) > 1:
            return [[name.removeprefix(f"{package}.") for name in row] for row in rows if set(row).isdisjoint(TOOLS)]
    return []


def imports(package: str, *others: str) -> Edges:
    """Which room imports which, without those imports that others imply; other packages are a room each."""
    graph = grimp.build_graph(package, *others, cache_dir=None)
    found = {
        (_room(module, package), _room(imported, package))
        for module in graph.modules - {package}
        for imported in graph.find_modules_directly_imported_by(module) - {package}
    }
    return _reduced({(above, below) for above, below in found if above != below})


def package_imports(*packages: str) -> Edges:
    """Which package imports which."""
    graph = grimp.build_graph(*packages, cache_dir=None)
    found = {
        (module.split(".")[0], imported.split(".")[0])
        for module in graph.modules
        for imported in graph.find_modules_directly_imported_by(module)
    }
    return {(above, below) for above, below in found if above != below}


def _room(module: str, package: str) -> str:
    first, *rest = module.split(".")
    return rest[0] if first == package else first


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
    """A row for each module."""
    modules = (importlib.import_module(f"{package.__name__}.{name}") for name in _names(package, rooms=False))
    rows = ((code(module.__name__.rpartition(".")[2]), escaped(summary(module))) for module in modules)
    return table(("module", "what it is"), rows)

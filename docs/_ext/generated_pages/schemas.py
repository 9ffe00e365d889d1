"""The JSON schemas of the reports, as the packages ship them: each to fetch, and its properties in a table."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from generated_pages.text import code, escaped, table

PACKAGES = ("porting", "finta")


def markdown(root: Path) -> str:
    """A section for each schema."""
    return "\n\n".join(_section(path, json.loads(path.read_text())) for path in _files(root))


def _files(root: Path) -> Iterator[Path]:
    for package in PACKAGES:
        yield from sorted((root / package).rglob("*.schema.json"))


def _section(path: Path, schema: dict[str, Any]) -> str:
    definitions = schema.get("$defs", {})
    tables = [_properties(schema)]
    for name, definition in definitions.items():
        if definition.get("properties"):
            told = escaped(definition.get("description", ""))
            tables.append(f"**{escaped(name)}**: {told}\n\n{_properties(definition)}")
    told = escaped(schema.get("description", ""))
    link = f"{{download}}`{path.name} </../{path.relative_to(path.parents[_depth(path)])}>`"
    return "\n\n".join([f"### {escaped(schema.get('title', path.stem))}", told, link, *tables])


def _depth(path: Path) -> int:
    """How many folders lie between a file and the root of the repository."""
    return next(number for number, parent in enumerate(path.parents) if (parent / "pyproject.toml").is_file())


def _properties(schema: dict[str, Any]) -> str:
    required = set(schema.get("required", ()))
    absent = " *(may be absent)*"
    rows = (
        (code(name), _type(value), escaped(value.get("description", "")) + ("" if name in required else absent))
        for name, value in schema.get("properties", {}).items()
    )
    return table(("key", "type", "what it is"), rows)


def _type(value: dict[str, Any]) -> str:
    if "$ref" in value:
        return escaped(value["$ref"].rsplit("/", 1)[-1])
    if "const" in value:
        return code(json.dumps(value["const"]))
    if "enum" in value:
        return ", ".join(code(json.dumps(one)) for one in value["enum"])
    options = value.get("anyOf") or value.get("oneOf")
    if options:
        return " or ".join(map(_type, options))
    kind = value.get("type", "any")
    named = " or ".join(kind) if isinstance(kind, list) else kind
    return f"{named} of {_type(value['items'])}" if "items" in value else named

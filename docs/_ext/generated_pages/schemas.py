"""The JSON schemas of the reports, as the packages ship them: each to fetch, and its keys in a table."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from generated_pages.text import code, escaped, table

PACKAGES = ("porting", "finta")
Schema = dict[str, Any]


def markdown(root: Path) -> str:
    """A section for each schema."""
    return "\n\n".join(_section(path, path.relative_to(root)) for path in _files(root))


def _files(root: Path) -> Iterator[Path]:
    for package in PACKAGES:
        yield from sorted((root / package).rglob("*.schema.json"))


def _section(path: Path, place: Path) -> str:
    schema = json.loads(path.read_text())
    parts = [
        f"## {escaped(schema.get('title', path.stem))}",
        escaped(schema.get("description", "")),
        f"{{download}}`{path.name} </../{place}>`",
        _table(schema),
        *(_definition(name, value) for name, value in schema.get("$defs", {}).items()),
    ]
    return "\n\n".join(parts)


def _definition(name: str, schema: Schema) -> str:
    """What the tables call by a name."""
    told = escaped(schema.get("description", ""))
    if schema.get("properties"):
        return f"{code(name)}: {told}\n\n{_table(schema)}"
    return f"{code(name)}: {told} {_type(schema)}"


def _table(schema: Schema) -> str:
    return table(("key", "type", "what it is"), _rows(schema))


def _rows(schema: Schema, above: str = "") -> Iterator[tuple[str, str, str]]:
    """A row for each key, and for those of objects inside, by their path."""
    required = set(schema.get("required", ()))
    for name, value in schema.get("properties", {}).items():
        held = value if isinstance(value, dict) else {}
        absent = "" if name in required else " *(may be absent)*"
        yield code(above + name), _type(held), escaped(held.get("description", "")) + absent
        for inner, where in ((held, "."), (held.get("items"), "[]."), (held.get("additionalProperties"), ".NAME.")):
            if isinstance(inner, dict):
                yield from _rows(inner, above + name + where)


def _type(schema: Schema) -> str:
    if "$ref" in schema:
        return code(schema["$ref"].rpartition("/")[2].removesuffix(".schema.json"))
    if "const" in schema:
        return code(json.dumps(schema["const"]))
    if "enum" in schema:
        return ", ".join(code(json.dumps(one)) for one in schema["enum"])
    if options := schema.get("anyOf") or schema.get("oneOf"):
        return " or ".join(map(_type, options))
    kind = schema.get("type", "anything")
    named = " or ".join(kind) if isinstance(kind, list) else kind
    held = schema.get("items", schema.get("additionalProperties"))
    return f"{named} of {_type(held)}" if isinstance(held, dict) else named

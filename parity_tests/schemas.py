"""Whether what a command wrote is as its schema says."""

import json
from pathlib import Path

from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from finta.pages import summaries
from porting.reports import documents

_FOLDERS = (Path(documents.__file__).parent / "schemas", Path(summaries.__file__).parents[1] / "schemas")
SCHEMAS = {path.name: json.loads(path.read_text()) for folder in _FOLDERS for path in folder.glob("*.schema.json")}
_BESIDE = Registry().with_resources((name, Resource.from_contents(schema)) for name, schema in SCHEMAS.items())


def name_of(schema):
    return schema["properties"]["schema"]["const"]


def faults_of(written):
    """What a schema does not allow in a document that names it."""
    (schema,) = (schema for schema in SCHEMAS.values() if name_of(schema) == written["schema"])
    faults = Draft202012Validator(schema, registry=_BESIDE).iter_errors(json.loads(json.dumps(written)))
    return [f"{fault.json_path}: {fault.message}" for fault in faults]


def assert_as_schema_says(written, name):
    assert written["schema"] == name
    faults = faults_of(written)
    assert not faults, faults

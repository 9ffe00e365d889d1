"""What the site says of the code is what the code says."""

import inspect
import re
import sys
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

import finta.cli
import finta.errors
import porting.commands.cli
import porting.errors
import tractography.errors
from porting.rules.table import LAYER_RULES

DOCS = Path(__file__).parents[2] / "docs"
sys.path.insert(0, str(DOCS / "_ext"))

import generated_pages  # noqa: E402
from generated_pages import architecture, causes, commands, decisions, errors, layers, schemas  # noqa: E402

APPS = {"porting.commands.cli:app": porting.commands.cli.app, "finta.cli:app": finta.cli.app}


@pytest.mark.parametrize("rule", LAYER_RULES, ids=lambda rule: f"{rule.reference}-{rule.port}")
def test_every_row_of_the_table_has_a_section_with_its_patterns_and_settings(rule):
    section = layers.markdown().split(f"## {rule.reference} → {rule.port}\n")[1].split("\n## ")[0]
    patterns = {pattern for _, row in rule.tensors.values() for pattern in row}
    settings = {name for setting in rule.settings for side in setting.names() for name in side}
    assert [named for named in (*rule.tensors, *patterns, *settings) if f"`{named}`" not in section] == []


@pytest.mark.parametrize("name", APPS)
def test_every_option_of_every_command_stands_on_the_page(name):
    page = commands.markdown(name)
    for words in _commands(get_command(APPS[name])):
        shown = CliRunner().invoke(APPS[name], [*words, "--help"], terminal_width=200, env={"COLUMNS": "200"}).output
        title = " ".join((name.partition(".")[0], *words))
        section = page.split(f"`{title}`")[-1].split("\n## ")[0]
        missing = set(re.findall(r"(?<![\w-])--[a-z][\w-]+", shown)) - set(re.findall(r"--[a-z][\w-]+", section))
        assert missing - {"--help", "--install-completion", "--show-completion"} == set(), title


def _commands(group, before=()):
    for name, command in group.commands.items():
        yield (*before, name)
        yield from _commands(command, (*before, name)) if hasattr(command, "commands") else ()


@pytest.mark.parametrize("module", [porting.errors, finta.errors, tractography.errors], ids=lambda one: one.__package__)
def test_every_error_says_what_to_do(module):
    page = errors.markdown(module.__package__)
    for name, error in inspect.getmembers(
        module, lambda one: inspect.isclass(one) and one.__module__ == module.__name__
    ):
        section = page.split(f"### {name}\n")[1].split("\n### ")[0]
        is_root = error.__bases__[0].__module__ != module.__name__
        assert is_root or "Remedy: " in section, f"{name} names no remedy"


def test_messages_stand_with_the_error_that_they_are_raised_by():
    section = errors.markdown("porting").split("### ProbeError\n")[1].split("\n### ")[0]
    assert r"- \<source\> holds no samples." in section


def test_causes_of_every_kind_are_listed_with_their_remedies():
    page = causes.markdown()
    assert page.count("| cause | remedy |") >= 4
    assert (
        "| flattened or reshaped in another order | the layers that reshape as torch does, with their sizes |" in page
    )


def test_every_arrow_of_the_picture_points_downward_and_every_room_is_there():
    drawn = architecture.picture(DOCS.parent / "pyproject.toml")
    arrows = re.findall(r'class="arrow" d="M[\d.-]+ ([\d.-]+) [^"]* [\d.-]+ ([\d.-]+)"', drawn)
    assert len(arrows) > 30
    assert all(float(start) < float(end) for start, end in arrows)
    assert all(
        f">{room.name}<" in drawn for room in (DOCS.parent / "porting").iterdir() if (room / "__init__.py").is_file()
    )


def test_every_decision_is_a_section_with_its_three_parts():
    text = (DOCS.parent / "DECISIONS.md").read_text()
    page = decisions.markdown(DOCS.parent / "DECISIONS.md")
    count = len(re.findall(r"(?m)^\*\*", text))
    assert page.count("\n## ") + 1 == count
    assert [page.count(f"- **{part}**: ") for part in ("Why", "Instead of", "Revisit")] == [count] * 3


def test_a_schema_is_shown_with_its_keys_types_and_what_may_be_absent(tmp_path):
    (tmp_path / "porting").mkdir()
    (tmp_path / "porting" / "part.schema.json").write_text(
        '{"title": "A part", "required": ["status"], "properties": {"status": {"enum": ["PASS", "FAIL"]},'
        ' "lines": {"type": "array", "items": {"type": "string"}, "description": "What it rests on."}}}'
    )
    shown = schemas.markdown(tmp_path)
    assert '| `status` | `"PASS"`, `"FAIL"` |  |' in shown
    assert r"| `lines` | array of string | What it rests on. *(may be absent)* |" in shown


def test_every_generated_part_of_every_page_is_written():
    for page in DOCS.rglob("*.md"):
        assert "{generated-" not in generated_pages.expanded(page.read_text()), page


@pytest.mark.parametrize("package", ["finta", "keras_model", "tractography"])
def test_every_room_of_an_application_has_a_page_of_its_modules(package):
    left_out = {"finta.pages", "finta.slurm"}
    rooms = {f"{package}.{path.parent.name}" for path in (DOCS.parent / package).glob("*/__init__.py")} - left_out
    pages = "".join(page.read_text() for page in (DOCS / "reference" / "api").glob("*.md"))
    assert [room for room in sorted(rooms) if f"{{generated-modules}} {room}\n" not in pages] == []

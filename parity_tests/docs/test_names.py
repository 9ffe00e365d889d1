"""Paths and names of the code that text mentions: pages, decisions, what is new, docstrings and comments."""

import ast
import re

import pytest

from parity_tests.docs.running import REPOSITORY

PACKAGES = ("porting", "finta", "keras_model", "tractography", "reference_torch")
FOLDERS = (*PACKAGES, "parity_tests", "benchmarks", "checkpoints", "docs")
PAGES = [
    *(REPOSITORY / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "DECISIONS.md", "pyproject.toml")),
    *sorted((REPOSITORY / "docs").rglob("*.md")),
]
SOURCES = (path for folder in FOLDERS for path in (REPOSITORY / folder).rglob("*.py"))
MODULES = sorted(path for path in SOURCES if "_build" not in path.parts)
EARLIER = "## 0.1.0"
"""What a version that has gone out said of itself stays as it was said."""

_PATH = re.compile(rf"(?<![\w/.])(?:{'|'.join(FOLDERS)})/[\w./-]*(?:\.\w+|/)(?![\w*{{<])")
_NAME = re.compile(rf"`(?:{'|'.join(PACKAGES)})(?:\.\w+)+(?=[`:(])")
_FILES = re.compile(r"\.(?:pt|keras|h5|json|trk|log)$|^finta/checkpoints/$")
"""What users' files are called, and where a wheel has the shipped ones."""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_what_a_page_names_is_there(page):
    assert not _missing(page.read_text().partition(EARLIER)[0] if page.name == "CHANGELOG.md" else page.read_text())


def test_what_docstrings_and_comments_name_is_there():
    missing = {str(module.relative_to(REPOSITORY)): _missing(module.read_text()) for module in MODULES}
    assert not {module: names for module, names in missing.items() if names}


def _missing(text):
    paths = {path for path in _PATH.findall(text) if not _FILES.search(path) and not (REPOSITORY / path).exists()}
    return paths | {name[1:] for name in _NAME.findall(text) if not _is_there(name[1:].split("."))}


def _is_there(parts):
    """Whether a dotted name is a module's or stands at the top of one, told without importing anything."""
    folder = REPOSITORY
    for at, part in enumerate(parts):
        if (folder / f"{part}.py").is_file():
            return len(parts) == at + 1 or parts[at + 1] in _top_names(folder / f"{part}.py")
        if not (folder / part).is_dir():
            return part in _top_names(folder / "__init__.py")
        folder /= part
    return True


def _top_names(module):
    if not module.is_file():
        return set()
    tree = ast.parse(module.read_text())
    return {getattr(node, "id", getattr(node, "name", getattr(node, "value", None))) for node in ast.walk(tree)}

"""What the docstrings of the public names show is what comes of it."""

import doctest
import importlib

import pytest

import porting

IN_MODULES = {"LAYER_RULES": "porting.rules.table"}
"""Public names without a docstring of their own -> the module whose docstring has their example."""


def examples_of(name):
    documented = importlib.import_module(IN_MODULES[name]) if name in IN_MODULES else getattr(porting, name)
    return [test for test in doctest.DocTestFinder(recurse=False).find(documented, name) if test.examples]


@pytest.mark.parametrize("name", sorted(set(porting.__all__) - {"__version__"}))
def test_the_example_of_a_public_name_gives_what_it_says(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (example,) = examples_of(name)
    example.globs = {}
    said = []
    results = doctest.DocTestRunner(verbose=False).run(example, out=said.append)
    assert results.attempted > 0
    assert not results.failed, "".join(said)

"""The tutorials' cells, run in order; the site runs them, too, and shows what they print."""

import tempfile

import matplotlib.pyplot as plt
import pytest

from parity_tests.docs.blocks import CELL, read_blocks
from parity_tests.docs.running import REPOSITORY, Page

TUTORIALS = {path.stem: path for path in (REPOSITORY / "docs" / "tutorials").glob("*.md") if CELL in path.read_text()}


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(TUTORIALS))
def test_every_cell_of_a_tutorial_runs(name, clone, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(clone))
    monkeypatch.syspath_prepend(TUTORIALS[name].parent)
    state = Page()
    for block in read_blocks(TUTORIALS[name]):
        state.run(block)
    plt.close("all")


def test_the_site_lists_every_tutorial():
    assert {"first_conversion", "write_a_port", "cnn", "transformer", "import_in_keras", "filter_a_tractogram"} == set(
        TUTORIALS
    )
    listed = (REPOSITORY / "docs" / "tutorials" / "index.md").read_text()
    assert all(f"\n{name}\n" in listed for name in TUTORIALS)

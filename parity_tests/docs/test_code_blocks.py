"""What README and guides show, run."""

import pytest

from parity_tests.docs.blocks import read_blocks
from parity_tests.docs.running import REPOSITORY, Page

PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs" / "guides").glob("*.md"))]
SHOWN = frozenset({"python", "sh", "diff", "output", "text", "console", "json", "yaml", "toml", "ini", "bibtex"})


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_block_of_a_page_runs_in_order_and_prints_what_the_page_says(page, clone):
    state = Page()
    for block in read_blocks(page):
        assert block.language in SHOWN, f"{block.place}: say what language the block is in, text if it cannot run"
        state.run(block)

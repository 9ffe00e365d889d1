"""What the README, the guides and FINTA's pages show, run."""

import html
import re

import pytest

from parity_tests.docs.blocks import read_blocks
from parity_tests.docs.running import REPOSITORY, Page
from porting import LAYER_RULES

DOCS = REPOSITORY / "docs"
PAGES = [REPOSITORY / "README.md", *sorted([*DOCS.glob("guides/*.md"), *DOCS.glob("finta/*.md")])]
LONG = {"docs/finta/convert", "docs/finta/dipy", "docs/guides/optimiser-state"}
"""Pages whose commands train or convert the whole model; they are slow."""

PICTURE = DOCS / "images" / "fail.svg"
RAW = "https://raw.githubusercontent.com/porting-developers/porting/main/"
SITE = "https://porting-developers.github.io/porting/"
BLOB = "https://github.com/porting-developers/porting/blob/main/"
SHOWN = frozenset({"python", "sh", "diff", "output", "text", "console", "json", "yaml", "toml", "ini", "bibtex"})


def _marked(page):
    name = str(page.relative_to(REPOSITORY).with_suffix(""))
    return pytest.param(page, id=name, marks=pytest.mark.slow if name in LONG else ())


@pytest.mark.parametrize("page", [_marked(page) for page in PAGES])
def test_every_block_of_a_page_runs_in_order_and_prints_what_the_page_says(page, clone):
    state = Page()
    for block in read_blocks(page):
        assert block.language in SHOWN, f"{block.place}: say what language the block is in, text if it cannot run"
        state.run(block)


def test_the_readmes_picture_is_of_its_own_example():
    drawn = "".join(html.unescape(line) for line in re.findall(r">([^<>]+)</text>", PICTURE.read_text()))
    shown = next(block for block in read_blocks(PAGES[0]) if block.language == "output")
    for word in shown.code.replace("\n", " ").split():
        assert word in drawn.replace("\xa0", " "), f"draw it anew, by docs/images/fail_report.py: no {word!r} in it"


def test_the_readme_is_one_page_long_and_its_links_hold_anywhere():
    text = PAGES[0].read_text()
    assert len(text.splitlines()) <= 150
    for target in re.findall(r"\]\(([^)]+)\)", text):
        assert target.startswith("https://"), f"{target} leads nowhere on a package index"
        assert (source := _source(target)) is None or source.is_file(), target


def test_the_readme_names_every_layer_of_the_table():
    known = PAGES[0].read_text().partition("**Layers that are known**")[2].partition("**Not yet**")[0]
    for rule in LAYER_RULES:
        assert re.sub(r"\dd$|Cell$", "", rule.reference) in known, f"{rule.reference} is not in the README's list"


def _source(target):
    """The file of the repository behind a link, if it is one of ours."""
    for place in (RAW, BLOB):
        if target.startswith(place):
            return REPOSITORY / target.removeprefix(place)
    if not target.startswith(SITE):
        return None
    page = target.removeprefix(SITE)
    return DOCS / (page.replace(".html", ".md") if page.endswith(".html") else f"{page}index.md")

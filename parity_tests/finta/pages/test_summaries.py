import base64
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from finta.pages.summaries import write_summary
from parity_tests.full_disk import room_for
from porting.errors import OutputError

FACTS = {
    "streamlines": 12_345_678,
    "share kept": 0.8,
    "unknown": float("nan"),
    "counts": np.arange(3),
    "model": Path("port.keras"),
    "seeds": {"subject": np.float32(0.25), "atlas": {"ratio": 0.75}},
    "is_exact": True,
}
ROWS = [
    {"bundle": "AF_L", "kept": np.int64(1234), "AUC": 0.98765, "distance": np.inf},
    {"bundle": "CST_R", "kept": 9, "AUC": np.float64(1e-7), "note": "sparse"},
]


SCHEMA = "finta-any/1"


def write(folder, title, facts, tables, drawn, notes=()):
    return write_summary(folder, SCHEMA, title, facts, tables, drawn, notes)


def figure():
    drawn = Figure(figsize=(2, 1))
    drawn.subplots().plot([0, 1], [0, 1])
    return drawn


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.links, self.cells, self.words = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name in {"src", "href", "srcset", "data"}]

    def handle_data(self, data):
        self.words.append(data.strip())


def test_json_holds_numbers_as_numbers_and_what_is_not_finite_as_null(tmp_path):
    write(tmp_path, "filtered", FACTS, {"bundles": ROWS}, {})

    def refuse(constant):
        raise AssertionError(constant)

    read = json.loads((tmp_path / "summary.json").read_text(), parse_constant=refuse)
    assert (read["schema"], read["title"], read["notes"]) == (SCHEMA, "filtered", [])
    assert read["facts"] == {
        "streamlines": 12_345_678,
        "share kept": 0.8,
        "unknown": None,
        "counts": [0, 1, 2],
        "model": "port.keras",
        "seeds": {"subject": 0.25, "atlas": {"ratio": 0.75}},
        "is_exact": True,
    }
    assert read["tables"]["bundles"][0] == {"bundle": "AF_L", "kept": 1234, "AUC": 0.98765, "distance": None}


def test_the_page_holds_its_pictures_and_loads_and_runs_nothing(tmp_path):
    paths = write(tmp_path / "new", "filtered", FACTS, {"bundles": ROWS}, {"kept/removed": figure()})
    assert [path.name for path in paths] == ["kept-removed.png", "summary.html", "summary.json"]
    png, html, _ = (path.read_bytes() for path in paths)
    page = Page(html.decode())
    assert not {"script", "iframe", "object"} & set(page.tags)
    assert all(link.startswith(("data:", "#")) for link in page.links)
    assert not re.search(r"https?:|@import|url\(", html.decode())
    (picture,) = [link for link in page.links if link.startswith("data:image/png;base64,")]
    assert base64.b64decode(picture.partition(",")[2]) == png
    assert png.startswith(b"\x89PNG")


def test_names_are_written_and_not_obeyed(tmp_path):
    evil = '<script>alert("1")</script>&amp;'
    write(tmp_path, evil, {evil: evil, evil + "2": 3}, {evil: [{evil: evil}]}, {f"{evil}2": figure()}, [evil])
    page = Page((tmp_path / "summary.html").read_text())
    assert "script" not in page.tags
    assert page.words.count(evil) > 5
    assert len(list(tmp_path.iterdir())) == 3


def test_columns_of_a_table_line_up_and_are_rounded_alike(tmp_path):
    write(tmp_path, "filtered", {}, {"bundles": ROWS}, {})
    page = (tmp_path / "summary.html").read_text()
    for cell in ("1,234", "9", "0.9877", "1.0e-07"):
        assert f'<td class="number">{cell}</td>' in page
    assert "<td>sparse</td>" in page
    assert '<th scope="row">AF_L</th>' in page


def test_facts_are_all_on_the_page(tmp_path):
    write(tmp_path, "filtered", FACTS, {}, {})
    words = Page((tmp_path / "summary.html").read_text()).words
    for name, value in (
        ("streamlines", "12,345,678"),
        ("share kept", "0.8"),
        ("unknown", "-"),
        ("counts", "0, 1, 2"),
        ("model", "port.keras"),
        ("seeds: atlas: ratio", "0.75"),
        ("is_exact", "yes"),
    ):
        assert next(word for word in words[words.index(name) + 1 :] if word) == value


def test_a_run_that_found_nothing_has_a_page(tmp_path):
    write(tmp_path, "nothing", {}, {"bundles": []}, {})
    assert "No rows." in Page((tmp_path / "summary.html").read_text()).words


def test_a_full_disk_is_one_error_and_leaves_the_last_summary_whole(tmp_path):
    write(tmp_path, "first", FACTS, {}, {"roc": figure()})
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with room_for(3_000), pytest.raises(OutputError, match=re.escape(str(tmp_path))):
        write(tmp_path, "second", FACTS, {}, {"roc": figure(), "other": figure()})
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_picture_that_cannot_be_drawn_leaves_nothing(tmp_path):
    broken = figure()
    broken.axes[0].set_title("$\\frac{$")
    with pytest.raises(ValueError, match="frac"):
        write(tmp_path / "run", "filtered", FACTS, {}, {"first": figure(), "broken": broken})
    assert not (tmp_path / "run").exists()


def test_a_file_where_the_folder_should_be_is_one_error(tmp_path):
    (tmp_path / "taken").write_text("mine")
    with pytest.raises(OutputError, match="taken"):
        write(tmp_path / "taken", "filtered", FACTS, {}, {})
    assert (tmp_path / "taken").read_text() == "mine"


def test_pictures_whose_headings_make_one_file_name_are_kept_apart(tmp_path):
    headings = ("AF L", "AF-L", "af l", "AF/L")
    write(tmp_path, "generated", {}, {}, dict.fromkeys(headings, figure()))
    held = json.loads((tmp_path / "summary.json").read_text())["pictures"]
    assert held == {"AF L": "AF-L.png", "AF-L": "AF-L-2.png", "af l": "af-l-3.png", "AF/L": "AF-L-4.png"}
    assert all((tmp_path / file).is_file() for file in held.values())


def test_notes_and_the_result_come_before_pictures_and_other_tables_behind(tmp_path):
    tables = {"bundles": ROWS, "rounds": [{"round": 17}]}
    write(tmp_path, "filtered", {"kept": 9, "model": "m"}, tables, {"in space": figure()}, ["sparse"])
    page = (tmp_path / "summary.html").read_text()
    marks = ("<dd>9</dd>", "<li>sparse</li>", "1,234", "<img", ">17<", '<th scope="row">model</th>')
    places = [page.index(mark) for mark in marks]
    assert places == sorted(places)
    assert re.findall(r'<section id="(.*?)"', page) == ["table-1", "picture-1", "table-2", "circumstances"]
    assert re.findall(r'<a href="#(.*?)"', page) == ["table-1", "picture-1", "table-2", "circumstances"]


def test_no_two_sections_have_one_name(tmp_path):
    with pytest.raises(ValueError, match="both called bundles"):
        write(tmp_path / "run", "filtered", {}, {"bundles": ROWS}, {"bundles": figure()})
    assert not (tmp_path / "run").exists()


def test_tables_scroll_with_a_shadow_and_no_name_is_cut(tmp_path):
    write(tmp_path, "filtered", {}, {"bundles": ROWS}, {})
    page = (tmp_path / "summary.html").read_text()
    assert page.count("<table") == page.count('<div class="scroll table"') == 1
    style = page[page.index("<style>") : page.index("</style>")]
    assert "ellipsis" not in style
    assert not re.search(r"^\.table \{[^}]*background", style, re.M)

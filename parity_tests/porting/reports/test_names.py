import numpy as np

from porting.reports.names import shorten_names


def test_short_names_stay_as_they_are_and_long_ones_fit():
    assert shorten_names(["conv1", "a" * 16], 16) == ["conv1", "a" * 16]
    (short,) = shorten_names(["encoder.layers.1.attention.query"], 16)
    assert len(short) == 16
    assert short.startswith("encoder")
    assert short.endswith("query")


def test_where_two_would_be_alike_the_place_where_they_differ_is_shown():
    names = ["encoder.layers.1.attention.query", "encoder.layers.2.attention.query"]
    assert shorten_names(names, 16) == ["…ayers.1.attent…", "…ayers.2.attent…"]
    assert shorten_names([*names, names[0]], 16)[2] == "…ayers.1.attent…"


def test_no_two_names_are_made_alike():
    generator = np.random.default_rng(0)
    for _ in range(300):
        names = ["".join(generator.choice(list("ab."), generator.integers(1, 40))) for _ in range(20)]
        assert len(set(shorten_names(names, 8))) == len(set(names))

import pytest

from finta.pages.tables import print_table

HEADINGS = ("seeds", "bandwidth", "drawn", "accepted", "decoded", "- orientation", "streamlines")
FIGURES = {heading: f"{number * 1_234_567:,}" for number, heading in enumerate(HEADINGS, 1)}
ROWS = [{"bundle": name, **FIGURES} for name in ("AF_L", "a_bundle_of_a_very_long_name_that_somebody_gave")]


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_columns_without_room_follow_below_and_nothing_is_cut(columns, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(columns))
    print_table(ROWS)
    shown = capsys.readouterr().out
    assert "…" not in shown
    assert max(map(len, shown.splitlines())) <= columns
    for row in ROWS:
        for heading, value in row.items():
            assert heading in shown
            assert value in shown


def test_a_table_that_fits_is_one(capsys, monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    print_table(ROWS)
    assert len(capsys.readouterr().out.splitlines()) == 3
    print_table([])
    assert capsys.readouterr().out == ""

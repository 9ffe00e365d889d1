"""Files that are filled range by range: whenever they are cut off, they end as the same bytes."""

import numpy as np

from finta.coding.drafts import draft_of
from finta.coding.rows import RowFile

COLUMNS = {"codes": (np.float32, (4,)), "label": (np.int32, ())}
ATTRIBUTES = {"bundles": ["left", "right"], "thresholds": np.array([0.5, np.inf]), "skipped": 3, "columns": "label"}


def fill(path, *, resume=False):
    with RowFile(path, COLUMNS, 20, {"model": "a"}, resume=resume) as rows:
        for held in rows.missing():
            count = held.stop - held.first
            rows.put(held, {"codes": np.ones((count, 4)), "label": np.arange(count)})
        rows.finish(**ATTRIBUTES)
    return path.read_bytes()


def test_a_file_that_was_cut_off_before_it_got_its_name_ends_as_the_same_bytes(tmp_path):
    undisturbed = fill(path := tmp_path / "codes.h5")
    path.rename(draft_of(path))
    assert fill(path, resume=True) == undisturbed

import numpy as np
import pytest

from porting.files.kinds import FileKind, kind_of
from porting.foreign import shown_lines
from porting.jobs.inspection import render_file


@pytest.mark.parametrize(
    ("names", "metadata", "kind"),
    [
        (["in/out.weight", "scale"], {}, FileKind.PYTORCH),
        (["scale/first"], {"format": "pt"}, FileKind.PYTORCH),
        (["block.1/dense/kernel", "scale"], {}, FileKind.KERAS),
        (["weight"], {}, FileKind.PYTORCH),
    ],
)
def test_slashes_in_modules_names_make_no_port_of_a_checkpoint(names, metadata, kind, tmp_path):
    from safetensors.numpy import save_file

    path = tmp_path / "a.safetensors"
    save_file({name: np.ones(2, np.float32) for name in names}, path, metadata)
    assert kind_of(path) is kind
    shown = "".join(shown_lines(render_file(path), 1000))
    assert ("PyTorch checkpoint" in shown) is (kind is FileKind.PYTORCH)

import importlib.util
from dataclasses import replace

import pytest

from finta import shipped


@pytest.mark.slow
def test_the_script_beside_the_shipped_checkpoint_rebuilds_all_of_it(tmp_path):
    spec = importlib.util.spec_from_file_location("rebuild", shipped.FOLDER / "rebuild.py")
    rebuild = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(rebuild)
    rebuild.RECIPE = replace(rebuild.RECIPE, epochs=1)
    rebuild.main(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        path.name for path in shipped.FOLDER.iterdir() if path.suffix in (".pt", ".keras", ".h5", ".json")
    }
    rebuilt = (tmp_path / shipped.DIPY_BATCHES.name).read_bytes()
    assert len(rebuilt) == shipped.DIPY_BATCHES.stat().st_size

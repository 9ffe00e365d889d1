"""What can be known without a framework is told without one: each mistake in a process that has loaded none."""

import json
import subprocess
import sys
from types import SimpleNamespace

import pytest

from finta import shipped

PROGRAM = """
import contextlib, io, json, sys
from porting.commands.cli import app
from porting.commands.console import run
told = {}
for words in json.load(sys.stdin):
    sys.argv = ["porting", *words]
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
        status = run(app)
    loaded = sorted({"torch", "keras", "tensorflow", "jax"} & sys.modules.keys())
    told[" ".join(words)] = {"status": status, "said": " ".join(said.getvalue().split()), "loaded": loaded}
print(json.dumps(told))
"""

PT, KERAS = str(shipped.TORCH_CHECKPOINT), str(shipped.KERAS_CHECKPOINT)
SWAPPED = f"{KERAS} is a Keras file and {PT} a PyTorch checkpoint: the order is CHECKPOINT PORT. Give {PT} {KERAS}."
UNKNOWN_PAIR = 'No pair is called "unet". Registered: finta. Give your own by --pair module:NAME.'

MISTAKES = {
    f"plan finta {PT}": f"give the pair by --pair: porting plan {PT} --pair finta",
    "plan gone.pt": "No checkpoint at gone.pt: no such file.",
    f"plan {PT} --pair unet": UNKNOWN_PAIR,
    f"plan {PT} --pair nowhere:PAIR": "nowhere:PAIR cannot be imported: No module named 'nowhere'",
    f"plan {PT} --pair own:GONE": "own:GONE cannot be imported: module 'own' has no attribute 'GONE'.",
    f"plan {PT} --pair own:FIVE": "own:FIVE is of type int, not a porting.ModelPair.",
    f"plan {PT} --pair broken:PAIR": "broken.py, line 2).",
    f"plan {PT} --pair typo:PAIR": "No module named 'torhc' (",
    f"plan {PT} --pair raises:PAIR": "KeyError: 'nothing' (",
    f"plan {KERAS}": "is a Keras file, not a PyTorch checkpoint (.pt or .safetensors). porting export makes one of it.",
    "convert weights.h5 -o x": "weights.h5 is an HDF5 file, not a PyTorch checkpoint (.pt or .safetensors).",
    "convert empty.pt -o x": "empty.pt is empty.",
    f"convert {PT}": "Missing option '--output'",
    f"convert {PT} -o x --formats onnx": "Unknown format onnx: choose among keras, weights.h5, safetensors.",
    f"convert {PT} -o x --formats ,": "Unknown format (none)",
    f"convert {PT} -o there": "already holds there.keras. Replace with --force, or choose another --output.",
    f"convert {PT} -o x --probe gone.npy": "No probe at gone.npy: no such file.",
    f"convert {PT} -o x --html no/r.html": "Cannot write the report to no/r.html",
    f"convert {PT} -o x --pair unet": UNKNOWN_PAIR,
    f"verify {KERAS} {PT}": SWAPPED,
    f"verify {PT}": f"{PT} is a PyTorch checkpoint, not a converted one.",
    f"verify {PT} gone.keras": "No converted checkpoint at gone.keras.",
    f"verify gone.pt {KERAS}": "No checkpoint at gone.pt",
    f"verify {PT} cut.keras": "cut.keras cannot be loaded: it is no .keras file as Keras writes it.",
    f"verify {PT} notes.txt": "its name must end in .keras, .weights.h5, .safetensors.",
    f"verify {KERAS} --backend tensorflw": "Unknown backend tensorflw: choose among tensorflow, jax, torch.",
    f"verify {KERAS} --backend jax --pair unet": UNKNOWN_PAIR,
    "verify gone.keras --backend jax,tensorflow": "No converted checkpoint at gone.keras.",
    f"verify {PT} {KERAS} --all": "--all needs a file of samples: --probe FILE --all.",
    f"verify {PT} {KERAS} --json no/r.json": "Cannot write the report to no/r.json",
    "verify a b c": "give CHECKPOINT PORT, or PORT alone",
    f"export {PT} -o back.pt": "is a PyTorch checkpoint, not a converted one.",
    f"export {KERAS} -o there.pt": "already holds there.pt.",
    f"export {KERAS} -o x.pt --pair unet": UNKNOWN_PAIR,
    "demo --pair unet": UNKNOWN_PAIR,
    "verify-training gone.pt --batches x.h5": "No checkpoint at gone.pt",
    f"verify-training {PT} --batches gone.h5": "No batches at gone.h5.",
    f"verify-training {PT} --batches weights.h5 --recipe any": "has no recipe any: choose among original, simple.",
    f"verify-training {PT} --batches weights.h5 --picture x.bmp": "its name must end in one of .png, .svg, .pdf",
    "inspect gone.pt": "No file at gone.pt.",
    "verfy": "No such command 'verfy'. Did you mean 'verify'?",
    "verify --jsn x": "No such option: --jsn. Did you mean --json?",
    "verify --nothing-like-it": "No such option: --nothing-like-it.",
}


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """Every mistake, made in one process in a folder of a user's own."""
    folder = tmp_path_factory.mktemp("mistakes")
    (folder / "own.py").write_text("FIVE = 5\n")
    (folder / "broken.py").write_text("x = 1\ndef f(:\n")
    (folder / "typo.py").write_text("import os\nimport torhc\n")
    (folder / "raises.py").write_text('x = {}\ny = x["nothing"]\n')
    (folder / "empty.pt").write_bytes(b"")
    (folder / "notes.txt").write_text("notes")
    (folder / "cut.keras").write_bytes(shipped.KERAS_CHECKPOINT.read_bytes()[:100_000])
    (folder / "weights.h5").write_bytes(b"\x89HDF\r\n\x1a\n and so on")
    for name in ("there.keras", "there.pt"):
        (folder / name).touch()
    before = sorted(folder.iterdir())
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        input=json.dumps([line.split() for line in MISTAKES]),
        capture_output=True,
        text=True,
        cwd=folder,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert sorted(path for path in folder.iterdir() if path.name != "__pycache__") == before
    return {line: SimpleNamespace(**held) for line, held in json.loads(done.stdout).items()}


@pytest.mark.parametrize(("line", "words"), MISTAKES.items(), ids=[line[:40] for line in MISTAKES])
def test_a_mistake_is_told_before_a_framework_is_loaded(line, words, told):
    assert words in told[line].said
    assert told[line].status == 2
    assert told[line].loaded == []
    assert "Traceback" not in told[line].said
    assert ".." not in told[line].said.replace("...", "")

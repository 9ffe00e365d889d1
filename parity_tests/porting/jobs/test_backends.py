"""The same port on every backend of Keras, each in a process of its own."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from parity_tests.schemas import assert_as_schema_says
from porting import Status
from porting.errors import InputError
from porting.jobs.processes import backends
from porting.jobs.processes.backends import BackendResult, page_path, verify_on_backends
from porting.records.parity import RATIO_LIMIT
from porting.requirements import BACKENDS
from tractography.batches.batches import draw_balanced, write_batches


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    return tmp_path_factory.mktemp("pages") / "report.html"


@pytest.fixture(scope="module")
def few_streamlines(batches, tmp_path_factory):
    """A few of the batches' streamlines: float64 convolutions take JAX long on a CPU."""
    drawn = draw_balanced(batches, 8)
    path = tmp_path_factory.mktemp("batches") / "few.h5"
    write_batches(path, {"test": {"bundle": drawn.streamlines}})
    return path


@pytest.fixture(scope="module")
def results(checkpoint, port, few_streamlines, pages):
    found = verify_on_backends(port, checkpoint, probe=few_streamlines, html=pages)
    return {result.backend: result for result in found}


@pytest.fixture(params=BACKENDS)
def result(request, results):
    return results[request.param]


@pytest.mark.slow
def test_float32_rounds_as_finely_as_the_reference(result):
    report = result.report
    assert report["versions"]["backend"] == result.backend
    assert report["transfer"] == report["deployed"] == "PASS"
    assert max(row["float32_ratio"] for row in (*report["layers"], *report["outputs"])) <= RATIO_LIMIT


@pytest.mark.slow
def test_float64_is_proven_where_the_backend_can_and_not_claimed_where_it_cannot(result):
    if result.backend == "torch":
        assert (result.report["semantics"], result.verdict) == ("NOT CHECKED", Status.NOT_CHECKED)
        assert "float64 Dense in float32" in result.reason
    else:
        assert (result.report["semantics"], result.verdict, result.reason) == ("PASS", Status.PASS, "")
        assert max(row["float64_output_error"] for row in result.report["layers"]) <= 1e-13


@pytest.mark.slow
def test_each_backend_writes_a_page_of_its_own(results, pages):
    assert sorted(path.name for path in pages.parent.iterdir()) == sorted(
        f"report.{backend}.html" for backend in results
    )
    assert "NOT CHECKED" in pages.with_name("report.torch.html").read_text()


@pytest.mark.slow
def test_the_command_shows_a_table_and_the_first_report_that_does_not_pass(results, run_cli, monkeypatch, tmp_path):
    monkeypatch.setattr(backends, "verify_on_backends", lambda *files, **options: tuple(results.values()))
    shown = run_cli("verify", "x.keras", "--backend", "tensorflow,jax,torch", "--json", tmp_path / "r.json")
    assert shown.status == 3
    rows = [line.split() for line in shown.out.splitlines()]
    assert [row[1] for row in rows[1:4]] == ["PASS", "PASS", "NOT"]
    assert "NOT CHECKED: 2 of 3 backends pass" in shown.out
    assert "The report on torch:" in shown.out
    assert "The report on jax" not in shown.out
    written = json.loads((tmp_path / "r.json").read_text())
    assert_as_schema_says(written, "porting-backends/1")
    assert written["verdict"] == "NOT CHECKED"
    assert list(written["backends"]) == list(results)
    assert written["backends"]["jax"]["report"] == results["jax"].report


CRASHING = """
import os
from finta.pair import FINTA
if os.environ["KERAS_BACKEND"] == "jax":
    os.abort()
if os.environ["KERAS_BACKEND"] == "torch":
    1 / 0
PAIR = FINTA
"""


@pytest.mark.slow
def test_a_crash_on_one_backend_is_that_backends_alone(small_port, run_cli, tmp_path, monkeypatch):
    (tmp_path / "crashing.py").write_text(CRASHING)
    monkeypatch.chdir(tmp_path)
    command = ("verify", small_port, "--pair", "crashing:PAIR", "--backend", "jax,torch,tensorflow")
    shown = run_cli(*command, "--json", "r.json")
    assert shown.status == 3, shown
    written = json.loads(Path("r.json").read_text())
    assert_as_schema_says(written, "porting-backends/1")
    found = written["backends"]
    assert found["jax"]["reason"].startswith("the process was killed by SIGABRT")
    assert "crashing:PAIR cannot be imported: ZeroDivisionError: division by zero" in found["torch"]["reason"]
    assert [found[name]["report"] for name in ("jax", "torch")] == [None, None]
    assert found["tensorflow"]["verdict"] == "PASS"
    assert "killed by SIGABRT" in shown.out


def test_a_mistake_that_all_backends_tell_alike_is_one_error(run_cli, tmp_path):
    shown = run_cli("verify", tmp_path / "gone.keras", "--backend", "tensorflow,jax")
    assert shown.status == 2
    assert shown.err.count("No converted checkpoint at") == 1
    assert not shown.out


@pytest.mark.parametrize("names", ["tensorflow,theano", "", "mxnet"])
def test_an_unknown_backend_is_one_error(names, run_cli):
    shown = run_cli("verify", "x.keras", "--backend", names)
    assert shown.status == 2
    assert f"Unknown backend {names.rpartition(',')[2] or '(none)'}: choose among tensorflow, jax, torch." in shown.err


def test_a_page_that_cannot_be_written_is_told_before_any_work(run_cli, tmp_path):
    shown = run_cli("verify", "x.keras", "--backend", "jax,torch", "--html", tmp_path / "gone" / "r.html")
    assert shown.status == 2
    assert "Cannot write the report to" in shown.err


@pytest.fixture
def processes(monkeypatch):
    """Let processes end as told: backend -> (exit status, standard error, report); and record their arguments."""
    asked = {}

    def play(endings):
        def run(arguments, backend, width):
            asked[backend] = arguments
            status, error, report = endings[backend]
            return subprocess.CompletedProcess([], status, "the report", error), report

        monkeypatch.setattr(backends, "_run", run)
        monkeypatch.setattr(backends, "check_files", lambda *files: None)  # there are none
        return asked

    return play


def report_of(verdict):
    details = {"transfer": ["28 tensors"], "semantics": ["worst", f"why {verdict}"]}
    row = {"float64_output_error": 1e-15, "float32_ratio": 1.5}
    return {
        "verdict": verdict, "transfer": "PASS", "semantics": verdict,
        "details": details, "layers": [row], "outputs": [],
    }  # fmt: skip


def test_a_backend_that_is_not_installed_is_not_checked(processes):
    processes({"tensorflow": (0, "", report_of("PASS")), "jax": (2, "Warning\nError: No module named 'jax'.\n", None)})
    right, missing = verify_on_backends("x.keras", backends=["tensorflow", "jax"])
    assert right == BackendResult("tensorflow", Status.PASS, report_of("PASS"), "", "the report")
    assert missing == BackendResult("jax", Status.NOT_CHECKED, None, "No module named 'jax'.")


def test_mistakes_that_differ_are_each_backends_own(processes):
    processes({"jax": (2, "Error: No module named 'jax'.", None), "torch": (2, "Error: No torch.", None)})
    found = verify_on_backends("x.keras", backends=["jax", "torch"])
    assert [result.reason for result in found] == ["No module named 'jax'.", "No torch."]


def test_one_mistake_of_one_backend_is_the_error(processes):
    processes({"jax": (2, "Error: No converted checkpoint.\nLook there.", None)})
    with pytest.raises(InputError, match="No converted checkpoint.\nLook there."):
        verify_on_backends("x.keras", backends=["jax"])


@pytest.mark.parametrize(
    ("endings", "overall"),
    [
        ({"tensorflow": (0, "", report_of("PASS")), "jax": (1, "", report_of("FAIL"))}, Status.FAIL),
        ({"tensorflow": (3, "", report_of("NOT CHECKED")), "jax": (1, "", report_of("FAIL"))}, Status.FAIL),
        ({"tensorflow": (0, "", report_of("PASS")), "jax": (3, "", report_of("NOT CHECKED"))}, Status.NOT_CHECKED),
        ({"tensorflow": (0, "", report_of("PASS")), "jax": (-signal.SIGKILL, "", None)}, Status.NOT_CHECKED),
        ({"tensorflow": (0, "", report_of("PASS")), "jax": (0, "", report_of("PASS"))}, Status.PASS),
    ],
)
def test_the_overall_verdict_fails_closed(endings, overall, processes):
    processes(endings)
    assert backends.overall(verify_on_backends("x.keras", backends=["tensorflow", "jax"])) is overall


@pytest.mark.parametrize("status", [-signal.SIGSEGV, 1, 2])
def test_a_verdict_is_believed_only_with_its_exit_status(status, processes):
    processes({"jax": (status, "gone", report_of("PASS")), "tensorflow": (0, "", report_of("PASS"))})
    broken, _ = verify_on_backends("x.keras", backends=["jax", "tensorflow"])
    assert (broken.verdict, broken.report) == (Status.NOT_CHECKED, None)


def test_the_reason_is_the_part_that_decided(processes):
    processes({"jax": (1, "", report_of("FAIL"))})
    assert verify_on_backends("x.keras", backends=["jax"])[0].reason == "semantics: why FAIL"


def test_all_options_reach_every_process(processes):
    endings = {name: (0, "", report_of("PASS")) for name in ("jax", "torch")}
    asked = processes(endings)
    verify_on_backends(
        "x.keras", "x.pt", backends=["jax", "torch"], pair="m:P", probe="p.npy", tf32=True, html=Path("d/r.html")
    )
    common = ["verify", "x.pt", "x.keras", "--pair", "m:P", "--probe", "p.npy", "--tf32", "--html"]
    assert asked == {"jax": [*common, "d/r.jax.html"], "torch": [*common, "d/r.torch.html"]}
    assert page_path(Path("r.html"), "jax", ["jax"]) == Path("r.html")


CUSTOM_LAYERS = """
import numpy, torch, keras_model
x = numpy.random.default_rng(0).standard_normal((4, 9, 5)).astype("float32")
def in_torch(layer): return layer(torch.from_numpy(x).transpose(1, 2)).transpose(1, 2).numpy()
def in_keras(layer): return layer.get_config() and numpy.asarray(keras_model.layers.ops.convert_to_numpy(layer(x)))
up = torch.nn.Upsample(scale_factor=2, mode="linear", align_corners=False)
assert numpy.array_equal(in_keras(keras_model.ReflectionPadding1D(2)), in_torch(torch.nn.ReflectionPad1d(2)))
assert numpy.allclose(in_keras(keras_model.LinearUpsampling1D()), in_torch(up), rtol=1e-6, atol=1e-6)
"""


@pytest.mark.slow
@pytest.mark.parametrize("backend", BACKENDS)
def test_the_two_custom_layers_equal_torch(backend):
    command = [sys.executable, "-c", CUSTOM_LAYERS]
    environment = os.environ | {"KERAS_BACKEND": backend}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr

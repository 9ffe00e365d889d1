"""The plugin as a suite of somebody else's sees it, run by pytest's own pytester."""

import json
import subprocess
import sys

import h5py
import pytest

pytest_plugins = ["pytester"]

PLUGIN = ("-p", "porting.pytest_plugin")


@pytest.fixture
def run(pytester):
    def run(*arguments):
        return pytester.runpytest_inprocess(*PLUGIN, *arguments)

    return run


@pytest.fixture
def golden_test(pytester):
    """Write a test of one array, which is 1, 2, 3 times a factor."""

    def write(factor=1.0, body='porting_golden("codes", {"codes": array, "labels": np.array([1, 2])})'):
        pytester.makepyfile(
            test_codes=f"import numpy as np\ndef test_codes(porting_golden):\n"
            f"    array = np.array([[1.0, 2.0, 3.0]], 'float32') * np.float32({factor})\n    {body}\n"
        )
        return pytester.path / "golden" / "test_codes" / "codes.h5"

    return write


def test_a_golden_file_that_is_missing_says_how_to_record_it(golden_test, run):
    path = golden_test()
    result = run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["No golden file at *codes.h5. Record it with --porting-update-golden*"])
    assert not path.exists()


def test_what_is_recorded_is_held_against(golden_test, run):
    path = golden_test()
    run("--porting-update-golden").assert_outcomes(passed=1)
    assert path.is_file()
    assert [file.name for file in path.parent.iterdir()] == ["codes.h5"]
    run().assert_outcomes(passed=1)
    golden_test(1 + 1e-6)
    run().assert_outcomes(passed=1)


def test_drift_is_told_array_by_array_with_how_much_and_where(golden_test, run):
    golden_test()
    run("--porting-update-golden").assert_outcomes(passed=1)
    golden_test(1.01)
    result = run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "1 arrays are not what *codes.h5 recorded.",
            "  codes  relative error 1.0e-02 (limit 1e-05), greatest at (0, 2): 3 when recorded, 3.03 now; "
            "3 of 3 values beyond the limit",
            "  the versions are those of the recording",
            "Mend the code; or, if the change was meant, record it with --porting-update-golden.",
        ]
    )
    run("--porting-update-golden").assert_outcomes(passed=1)
    run().assert_outcomes(passed=1)


def test_a_test_states_its_own_tolerance(golden_test, run):
    golden_test()
    run("--porting-update-golden")
    golden_test(1.01, 'porting_golden("codes", {"codes": array, "labels": np.array([1, 2])}, rtol=0.1)')
    run().assert_outcomes(passed=1)


def test_drift_tells_the_versions_then_and_now(golden_test, run):
    path = golden_test()
    run("--porting-update-golden")
    with h5py.File(path, "r+") as golden:
        golden.attrs["versions"] = json.dumps({"numpy": "1.0", "keras": "3.0.0"})
    golden_test(2)
    result = run()
    result.stdout.fnmatch_lines(["  numpy 1.0 when recorded, * now", "  keras 3.0.0 when recorded, * now"])


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ('porting_golden("codes", {"codes": array})', "  labels  recorded, but not given"),
        (
            'porting_golden("codes", {"codes": array, "labels": np.array([1, 2]), "new": array})',
            "  new  given, but not recorded",
        ),
        (
            'porting_golden("codes", {"codes": array[0], "labels": np.array([1, 2])})',
            "  codes  shape (1, 3) when recorded, (3,) now",
        ),
        (
            'porting_golden("codes", {"codes": array.astype("float64"), "labels": np.array([1, 2])})',
            "  codes  dtype float32 when recorded, float64 now",
        ),
        (
            'porting_golden("codes", {"codes": array, "labels": np.array([1, 3])})',
            "  labels  1 of 2 values differ, the first at (1)",
        ),
        (
            'array[0, 1] = np.nan; porting_golden("codes", {"codes": array, "labels": np.array([1, 2])})',
            "  codes  1 NaN or infinite values on one side alone, the first at (0, 1)",
        ),
    ],
)
def test_every_way_to_drift_has_its_words(golden_test, run, body, line):
    golden_test()
    run("--porting-update-golden")
    golden_test(body=body)
    result = run()
    result.assert_outcomes(failed=1)
    assert line in result.outlines


def test_a_single_array_will_do_and_nan_equals_nan(golden_test, run):
    golden_test(body='array[0, 0] = np.nan; porting_golden("codes", array)')
    run("--porting-update-golden").assert_outcomes(passed=1)
    run().assert_outcomes(passed=1)


def test_recording_what_is_recorded_already_leaves_the_file_alone(golden_test, run):
    path = golden_test()
    run("--porting-update-golden")
    before = path.stat().st_mtime_ns
    run("--porting-update-golden").assert_outcomes(passed=1)
    assert path.stat().st_mtime_ns == before


def test_a_file_that_is_none_is_told_and_can_be_recorded_again(golden_test, run):
    path = golden_test()
    path.parent.mkdir(parents=True)
    path.write_bytes(b"no HDF5")
    result = run()
    result.stdout.fnmatch_lines(["*codes.h5 is no readable recording: * Record it again."])
    run("--porting-update-golden").assert_outcomes(passed=1)
    run().assert_outcomes(passed=1)


def test_two_tests_cannot_record_one_file(pytester, run):
    pytester.makepyfile(
        "import pytest\n"
        "@pytest.mark.parametrize('number', [1, 2])\n"
        "def test_numbers(porting_golden, number):\n"
        "    porting_golden('number', number)\n"
    )
    result = run("--porting-update-golden")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*number.h5 is also what *test_numbers?1? records. Give each its own name*"])


@pytest.mark.parametrize("name", ["../elsewhere", "", "a/b"])
def test_a_name_is_no_path(golden_test, run, name):
    golden_test(body=f"porting_golden({name!r}, array)")
    result = run("--porting-update-golden")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["porting_golden(*): give a name of letters, digits and . _ = + - alone."])


@pytest.mark.slow
def test_reports_are_written_for_ports_that_pass_and_that_do_not(pytester, run, small_port, small_checkpoint):
    pytester.makepyfile(
        f"""
        import pytest
        from keras_model import build_autoencoder
        from porting import assert_parity

        @pytest.mark.parametrize("times", [1, 2])
        def test_right(times):
            for _ in range(times):
                assert_parity({str(small_port)!r})

        def test_wrong():
            assert_parity(build_autoencoder(4, 64), {str(small_checkpoint)!r})
        """
    )
    result = run("--porting-report", "reports/today")
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["*FAIL: the port does not compute what the reference computes"])
    stem = "test_reports_are_written_for_ports_that_pass_and_that_do_not.py-test"
    reports = {path.name: path for path in (pytester.path / "reports" / "today").iterdir()}
    names = [f"{stem}_right-1", f"{stem}_right-2", f"{stem}_right-2-2", f"{stem}_wrong"]
    assert sorted(reports) == sorted(f"{name}.{suffix}" for name in names for suffix in ("json", "html"))
    verdicts = [json.loads(reports[f"{name}.json"].read_text())["verdict"] for name in names]
    assert verdicts == ["PASS", "PASS", "PASS", "FAIL"]


@pytest.mark.slow
def test_processes_of_pytest_xdist_record_and_report_as_one_does(pytester, small_port):
    pytester.makepyfile(
        test_port=f"import porting\ndef test_right():\n    porting.assert_parity({str(small_port)!r})\n",
        test_codes="def test_codes(porting_golden):\n    porting_golden('codes', [1.0, 2.0])\n",
    )
    options = ("--porting-report", "reports", "-n", "2", "--dist", "loadfile")
    recorded = pytester.runpytest_subprocess(*PLUGIN, *options, "--porting-update-golden")
    recorded.assert_outcomes(passed=2)
    assert sorted(path.name for path in (pytester.path / "reports").iterdir()) == [
        "test_port.py-test_right.html",
        "test_port.py-test_right.json",
    ]
    assert (pytester.path / "golden" / "test_codes" / "codes.h5").is_file()
    (pytester.path / "test_port.py").unlink()
    pytester.runpytest_subprocess(*PLUGIN, *options).assert_outcomes(passed=1)


def test_processes_that_share_the_tests_of_a_file_record_nothing(golden_test, pytester):
    path = golden_test()
    result = pytester.runpytest_subprocess(*PLUGIN, "-n", "1", "--porting-update-golden")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert any("Give pytest-xdist --dist loadfile." in line for line in result.errlines)
    assert not path.exists()


def test_without_the_option_nothing_is_written(pytester, run, small_port):
    pytester.makepyfile(
        f"from porting import assert_parity\ndef test_right():\n    assert_parity({str(small_port)!r})\n"
    )
    before = set(pytester.path.iterdir())
    run("-p", "no:cacheprovider").assert_outcomes(passed=1)
    assert {path for path in pytester.path.iterdir() if path.name != "__pycache__"} <= before


def test_a_folder_of_reports_that_cannot_be_is_told_before_any_test(pytester, run):
    pytester.makepyfile("def test_nothing(): pass")
    (pytester.path / "file").write_text("")
    result = run("--porting-report", "file/reports")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert any("--porting-report file/reports: no folder" in line for line in result.errlines)


def test_pytest_starts_without_importing_anything_heavy(pytester):
    pytester.makepyfile(
        "import sys\n"
        "def test_nothing():\n"
        "    heavy = {'torch', 'keras', 'tensorflow', 'jax', 'h5py', 'einops', 'numpy', 'rich', 'typer'}\n"
        "    assert not heavy & set(sys.modules)\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "porting.pytest_plugin", "--porting-report", "reports"]
    environment = {"PYTHONPATH": ":".join(filter(None, sys.path)), "PATH": ""}
    done = subprocess.run(command, cwd=pytester.path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr

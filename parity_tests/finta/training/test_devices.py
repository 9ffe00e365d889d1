"""Several devices, of one process or of two, take the steps that one device takes."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

from finta.errors import TrainingError
from finta.recipe import ORIGINAL, Constant
from finta.training.configurations import Configuration, RunSettings
from finta.training.training import train
from parity_tests.streamlines import write_walks

RECIPE = replace(ORIGINAL, batch_size=8, epochs=2, steps_per_epoch=3, schedule=Constant(1e-3), clip_norm=1e4)
SMALL = Configuration(RECIPE, RunSettings(latent_size=4, validation_steps=2, checkpoint_every=2))


@pytest.fixture(scope="module")
def batches(tmp_path_factory):
    return write_walks(tmp_path_factory.mktemp("walks") / "walks.h5")


def assert_same_steps(backend, settings, limit):
    command = [sys.executable, "-m", "parity_tests.finta.training.device_steps", *settings]
    environment = os.environ | {"KERAS_BACKEND": backend, "XLA_FLAGS": ""}
    if backend == "jax":
        environment["XLA_FLAGS"] = "--xla_force_host_platform_device_count=2"
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    one, two = map(json.loads, done.stdout.splitlines()[-2:])
    assert (one.pop("devices"), two.pop("devices")) == (1, 2)
    assert one.keys() == two.keys()
    for name, values in one.items():
        np.testing.assert_allclose(two[name], values, rtol=limit, err_msg=name)


@pytest.mark.slow
def test_two_devices_of_tensorflow_take_the_steps_of_one():
    assert_same_steps("tensorflow", ("contrastive", "float64"), 1e-12)


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings", [("triplet", "float64"), ("mean", "float64"), ("mean", "float32"), ("contrastive", "mixed_float16")]
)
def test_two_devices_of_tensorflow_take_the_steps_of_one_by_any_recipe(settings):
    assert_same_steps("tensorflow", settings, {"float64": 1e-12, "float32": 1e-4, "mixed_float16": 2e-2}[settings[1]])


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings", [("contrastive", "float32"), ("triplet", "float32"), ("mean", "float32"), ("mean", "float64")]
)
def test_two_devices_of_jax_take_the_steps_of_one(settings):
    assert_same_steps("jax", settings, 1e-12 if "float64" in settings else 1e-4)


class Processes:
    """``finta train --distributed`` on jax, in processes that find each other."""

    def __init__(self, count, *arguments):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{free.getsockname()[1]}"
        found = {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "KERAS_DISTRIBUTION_JOB_ADDRESSES": address}
        command = ["finta", "train", *map(str, arguments), "--distributed"]
        script = f"import sys; sys.argv = {command!r}; from finta.cli import main; main()"
        self.running = [
            subprocess.Popen(
                [sys.executable, "-c", script],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env=os.environ | found | _place(count, number),
            )
            for number in range(count)
        ]

    def ended(self, timeout=300):
        """Exit status, standard output and standard error of each."""
        try:
            printed = [process.communicate(timeout=timeout) for process in self.running]
        finally:
            for process in self.running:
                process.kill()
        return [(process.returncode, *texts) for process, texts in zip(self.running, printed, strict=True)]


def _place(count, number):
    if count == 1:
        return {}
    return {"KERAS_DISTRIBUTION_NUM_PROCESSES": str(count), "KERAS_DISTRIBUTION_PROCESS_ID": str(number)}


def written(path, settings):
    path.write_text(json.dumps(settings.as_json()))
    return path


def losses(run):
    """Step -> total of training and of validation, as watched."""
    import tensorflow as tf

    found = {}
    for events in sorted((run / "tensorboard").glob("events*")):
        for event in tf.compat.v1.train.summary_iterator(str(events)):
            for value in event.summary.value:
                if value.tag in {"train/total", "thres/total", "step/gradient_norm"}:
                    found[event.step, value.tag] = value.simple_value
    return found


@pytest.mark.slow
def test_two_processes_train_as_one(batches, tmp_path):
    configuration = written(tmp_path / "mine.yaml", SMALL)
    for count in (1, 2):
        arguments = (configuration, "--batches", batches, "--output", tmp_path / f"run{count}")
        ended = Processes(count, *arguments).ended()
        assert [status for status, _, _ in ended] == [0] * count, ended
        assert ["finished after 6 steps" in out for _, out, _ in ended] == [True, False][:count]
    one, two = (losses(tmp_path / f"run{count}") for count in (1, 2))
    assert len(one) == 14
    assert one.keys() == two.keys()
    np.testing.assert_allclose(list(two.values()), list(one.values()), rtol=1e-4)
    assert len(list((tmp_path / "run2" / "tensorboard").glob("events*"))) == 1


def wait_for(condition, processes, timeout=300):
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end
        assert [process.poll() for process in processes.running] == [None] * len(processes.running)
        time.sleep(0.05)


@pytest.mark.slow
@pytest.mark.parametrize("told", [0, 1])
def test_a_signal_to_one_process_stops_both_and_both_go_on(told, batches, tmp_path):
    settings = replace(SMALL, recipe=replace(RECIPE, epochs=400))
    configuration, run = written(tmp_path / "mine.yaml", settings), tmp_path / "run"
    arguments = (configuration, "--batches", batches, "--output", run)
    processes = Processes(2, *arguments)
    wait_for(lambda: len(list((run / "states").glob("step-*[2468].safetensors"))) > 1, processes)
    processes.running[told].send_signal(signal.SIGTERM)
    ended = processes.ended()
    assert [status for status, _, _ in ended] == [128 + signal.SIGTERM] * 2, ended
    assert ["--distributed --resume" in out for _, out, _ in ended] == [True, False]
    held = sorted(path.name for path in (run / "states").iterdir())
    again = Processes(2, *arguments, "--resume")
    wait_for(lambda: sorted(path.name for path in (run / "states").iterdir())[0] > held[-1], again)
    for process in again.running:
        process.send_signal(signal.SIGTERM)
    ended = again.ended()
    assert [status for status, _, _ in ended] == [128 + signal.SIGTERM] * 2, ended


@pytest.mark.slow
def test_no_process_waits_for_one_that_cannot_write(batches, tmp_path):
    (tmp_path / "run").write_text("in the way")
    configuration = written(tmp_path / "mine.yaml", SMALL)
    ended = Processes(2, configuration, "--batches", batches, "--output", tmp_path / "run").ended(timeout=120)
    assert [status for status, _, _ in ended] == [2, 2], ended
    assert "Cannot write" in ended[0][2]
    assert "its message says why" in ended[1][2]


@pytest.mark.parametrize("framework", ["torch"])
def test_the_reference_trains_on_one_device(framework, batches, tmp_path):
    with pytest.raises(TrainingError, match="one device"):
        train(SMALL, batches, tmp_path / "run", framework=framework, distributed=True)
    assert not (tmp_path / "run").exists()

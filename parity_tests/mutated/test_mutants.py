"""Damaged ports fail where they are damaged: a small run of ``benchmarks/mutants.py``."""

import numpy as np
import pytest

from parity_tests.mutated.changes.source_operators import SOURCE_OPERATORS
from parity_tests.mutated.changes.sources import Source
from parity_tests.mutated.judging import judge_source
from parity_tests.mutated.models import MODELS
from parity_tests.mutated.running import judged_mutants
from parity_tests.mutated.written import Written, write
from porting import Status

NAMED = {row.name: row for row in SOURCE_OPERATORS}


def judged(written: Written, operator: str, place: int = 0):
    row = NAMED[operator]
    return judge_source(written, row, list(row.find(written.right))[place])


@pytest.fixture(scope="module")
def several_inputs(tmp_path_factory) -> Written:
    model = MODELS["several inputs"]
    return write("several inputs", model.build, model.inputs, tmp_path_factory.mktemp("mutants"))


def test_a_number_that_is_a_thousandth_off_is_found_with_its_line(several_inputs):
    record = judged(several_inputs, "constant by 0.1 %")
    assert (record.outcome, record.differs) == ("FAIL", "outputs")
    assert record.located
    assert record.line
    assert record.named, record.said


@pytest.mark.slow
@pytest.mark.parametrize(
    "operator",
    ["gradient stopped", "always or never in training", "dropout missing", "dropout's rate", "momentum", "axis"],
)
def test_what_outputs_do_not_show_fails_with_its_line(operator, several_inputs):
    record = judged(several_inputs, operator)
    assert record.outcome == "FAIL", record.said
    assert record.located, record.said
    assert record.line, record.said
    assert record.named, record.said


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_no_mutant_that_differs_passes(name, tmp_path):
    written = write(name, MODELS[name].build, MODELS[name].inputs, tmp_path)
    assert written.report.verdict is Status.PASS, written.report.parts
    records = list(judged_mutants(written, 12, seed=3))
    assert not [record for record in records if record.is_wrong and record.outcome != "FAIL"]
    assert not [record for record in records if record.outcome == "error"]
    failed = [record for record in records if record.outcome == "FAIL"]
    assert np.mean([record.located for record in failed if record.is_wrong]) > 0.8


def test_a_part_of_a_source_is_exchanged_in_its_place():
    source = Source("def build():\n    x = ops.relu(a)  # ä\n    return ops.tanh(ops.relu(x))\n")
    texts = [source.with_texts(*exchanged) for exchanged in NAMED["activation missing"].find(source)]
    assert texts[0] == "def build():\n    x = a  # ä\n    return ops.tanh(ops.relu(x))\n"
    assert len(texts) == 3

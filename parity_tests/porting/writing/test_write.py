import keras
import numpy as np
import pytest
import torch

import porting
from parity_tests.porting.writing.models import own_models
from porting.errors import InputError
from porting.pairs.finding import resolve
from porting.reports.page import render_page
from porting.statuses import Status
from porting.writing.trained import randomise, settle

MODULE = own_models.__name__


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _trained(model, *inputs):
    return settle(randomise(model), inputs).eval()


def _names(folder):
    return sorted(path.name for path in folder.iterdir() if not path.name.endswith(".lock"))


def test_a_checkpoint_is_written_converted_and_exported_back_bit_for_bit(folder):
    model = _trained(own_models.Classifier(width=5), torch.randn(6, 3, 8, 8))
    torch.save(model.state_dict(), "net.pt")
    writing = porting.write(
        f"{MODULE}:Classifier", "net.py", inputs=["3,8,8"], settings={"width": 5}, checkpoint="net.pt"
    )
    assert writing.report.verdict is Status.PASS
    assert _names(folder) == ["net.certificate.json", "net.golden.h5", "net.keras", "net.pt", "net.py", "net_pair.py"]
    assert porting.verify("net.keras", pair="net_pair.py").verdict is Status.PASS
    porting.export("net.keras", "back.pt", pair="net_pair.py")
    back = torch.load("back.pt", weights_only=True)["state_dict"]
    own_models.Classifier(width=5).load_state_dict(back, strict=True)
    assert all(
        torch.equal(back[name], tensor) for name, tensor in model.state_dict().items() if "num_batches" not in name
    )


def test_a_written_port_takes_any_number_of_samples_and_trains(folder):
    model = _trained(own_models.Classifier(), torch.randn(6, 3, 8, 8))
    torch.save(model.state_dict(), "net.pt")
    porting.write(f"{MODULE}:Classifier", "net.py", inputs=["3,8,8"], checkpoint="net.pt")
    port = keras.saving.load_model("net.keras")
    images = np.random.default_rng(0).standard_normal((5, 3, 8, 8)).astype(np.float32)
    with torch.no_grad():
        expected = model(torch.from_numpy(images)).numpy()
    np.testing.assert_allclose(port.predict(images.transpose(0, 2, 3, 1), verbose=0), expected, rtol=1e-4, atol=1e-5)
    assert [type(layer).__name__ for layer in port.layers if "dropout" in layer.name] == ["Dropout"]
    port.compile("sgd", "mse")
    before = port.get_layer("head").kernel.numpy().copy()
    port.fit(images.transpose(0, 2, 3, 1), np.zeros((5, 3)), verbose=0)
    assert not np.array_equal(before, port.get_layer("head").kernel.numpy())


def test_a_module_in_memory_is_written_with_weights_drawn_as_trained(folder):
    writing = porting.write(own_models.Classifier(), "net.py", inputs=["3,8,8"])
    assert writing.report.verdict is Status.PASS
    assert _names(folder) == ["net.py"]
    assert writing.pair.name == "net"


def test_examples_give_inputs_by_name_and_outputs_keep_theirs(folder):
    np.savez("inputs.npz", tokens=np.array([[1, 2, 10], [3, 0, 5]]), mask=np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 1.0]]))
    writing = porting.write(f"{MODULE}:TwoInputs", "net.py", example="inputs.npz")
    assert writing.report.verdict is Status.PASS
    assert list(writing.pair.outputs) == ["hidden", "pooled"]
    assert writing.pair.input_names == ("tokens", "mask")


def test_names_that_python_or_keras_have_other_plans_for_are_no_matter(folder):
    writing = porting.write(f"{MODULE}:OddNames", "net.py", inputs=["4"])
    assert writing.report.verdict is Status.PASS
    compile(writing.model.text, "net.py", "exec")


def test_every_function_without_a_row_is_told_with_its_lines_and_nothing_is_written(folder):
    with pytest.raises(InputError) as refused:
        porting.write(f"{MODULE}:Halving", "net.py", inputs=["4"])
    said = str(refused.value)
    assert "halve  2 x" in said
    assert "own_models.py" in said
    assert "x = halve(self.fc(x))" in said
    assert "return halve(x)" in said
    assert "FunctionRow" in said
    assert _names(folder) == []


def test_a_row_of_ones_own_mends_it(folder):
    row = porting.FunctionRow("halve", lambda target, x: x.with_data(x.data / 2))
    pair = porting.ModelPair(name="halving", reference=f"{MODULE}:Halving", functions=(row,), input_shapes=((4,),))
    writing = porting.write(pair, "net.py", inputs=["4"])
    assert writing.report.verdict is Status.PASS
    assert "/ 2" in writing.model.text


def test_what_is_written_wrong_is_not_put_in_place_unless_it_is_wanted(folder):
    row = porting.FunctionRow("halve", lambda target, x: x.with_data(x.data / 3))
    pair = porting.ModelPair(name="halving", reference=f"{MODULE}:Halving", functions=(row,), input_shapes=((4,),))
    writing = porting.write(pair, "net.py", inputs=["4"])
    assert writing.report.verdict is Status.FAIL
    assert (writing.files, _names(folder)) == ((), [])
    kept = porting.write(pair, "net.py", inputs=["4"], keep_failed=True)
    assert kept.report.verdict is Status.FAIL
    assert "net.py" in _names(folder)


def test_partial_writing_raises_where_something_is_left_out(folder):
    writing = porting.write(f"{MODULE}:Halving", "net.py", inputs=["4"], partial=True)
    assert writing.report is None
    build = resolve(f"{folder / 'net.py'}:build")
    with pytest.raises(NotImplementedError, match="halve"):
        build()


@pytest.mark.parametrize(
    ("model", "inputs", "words"),
    [
        ("Undecided", ["4"], "depends on the values of its inputs"),
        ("Classifier", ["3,8"], "do not fit"),
        ("Classifier", ["3,8,8", "4"], "does not take the inputs"),
        ("ConvBlock", ["3,8,8"], "asks for inputs, filters"),
        ("Classifier", [], "Give --input"),
        ("Classifier", ["3,x"], "torch's axes without the samples"),
        ("nothing_of_the_kind", ["3"], "nothing_of_the_kind"),
        ("halve", ["3"], "halve"),
    ],
)
def test_bad_input_is_one_error_that_names_the_remedy(folder, model, inputs, words):
    with pytest.raises(InputError) as refused:
        porting.write(f"{MODULE}:{model}", "net.py", inputs=inputs)
    assert words in str(refused.value)
    assert _names(folder) == []


def test_places_that_cannot_be_written_to_are_told_before_any_work(folder):
    (folder / "net.py").write_text("x = 1\n")
    for output, words in (("net.py", "already holds net.py"), ("net.txt", "NAME.py"), ("my-net.py", "NAME.py")):
        with pytest.raises(InputError, match=words):
            porting.write(f"{MODULE}:Classifier", output, inputs=["3,8,8"])
    assert (folder / "net.py").read_text() == "x = 1\n"


def test_a_checkpoint_of_other_sizes_is_refused(folder):
    torch.save(own_models.Classifier(width=5).state_dict(), "net.pt")
    with pytest.raises(InputError, match="net.pt"):
        porting.write(f"{MODULE}:Classifier", "net.py", inputs=["3,8,8"], checkpoint="net.pt")
    assert _names(folder) == ["net.pt"]


def test_a_divergence_names_the_line_of_the_written_file(folder):
    model = _trained(own_models.Classifier(), torch.randn(6, 3, 8, 8))
    torch.save(model.state_dict(), "net.pt")
    writing = porting.write(f"{MODULE}:Classifier", "net.py", inputs=["3,8,8"])
    text = writing.model.text.replace("epsilon=1e-05", "epsilon=1e-03")
    (folder / "net.py").write_text(text)
    conversion = porting.convert("net.pt", "port", pair="net_pair.py")
    report = conversion.report
    assert report.verdict is Status.FAIL
    numbered = text.splitlines()
    line = int(report.source.place_of(report.first_divergence).split(":")[1].split(",")[0])
    assert "BatchNormalization" in numbered[line - 1]
    page = render_page(report)
    assert "The port's source" in page
    assert numbered[line - 1].strip().replace('"', "&#34;") in page

import pytest

from finta.pair import FINTA
from keras_model import build_autoencoder, load_autoencoder
from porting import Status, assert_parity, testing
from porting.errors import PortFileError
from porting.proof.runs import load_reference
from porting.reference.files import read_checkpoint


@pytest.fixture
def wrong_port():
    """Of the right architecture, untrained."""
    return build_autoencoder(latent_size=4, point_count=64)


def test_a_right_port_passes_by_its_golden_file(small_port):
    assert assert_parity(str(small_port), pair="finta").verdict is Status.PASS


def test_a_wrong_port_raises_with_the_report_in_100_columns(wrong_port, small_checkpoint):
    with pytest.raises(AssertionError) as raised:
        assert_parity(wrong_port, small_checkpoint, pair=FINTA, allow_not_checked=True)
    message = str(raised.value)
    assert message.startswith("FAIL is not PASS or NOT CHECKED.")
    assert "FAIL: the port does not compute what the reference computes" in message
    assert "encod_conv1.1" in message
    assert max(map(len, message.splitlines())) <= 100
    assert "\x1b" not in message


def test_models_in_memory_are_verified_as_they_are(small_port, small_checkpoint):
    reference, *_ = load_reference(FINTA, read_checkpoint(small_checkpoint))
    assert assert_parity(load_autoencoder(small_port), reference).verdict is Status.PASS


def test_a_state_dict_is_as_good_as_the_module(tmp_path, small_checkpoint):
    reference, *_ = load_reference(FINTA, read_checkpoint(small_checkpoint))
    for source in (reference, reference.state_dict()):
        read = read_checkpoint(testing._checkpoint_file(source, tmp_path)).state_dict
        assert list(read) == list(reference.state_dict())


@pytest.mark.slow
def test_not_checked_passes_only_where_it_is_allowed(small_port, monkeypatch):
    from porting.port import side as keras_side

    monkeypatch.setattr(keras_side, "why_no_float64", lambda: "not today")
    with pytest.raises(AssertionError, match="NOT CHECKED is not PASS"):
        assert_parity(small_port)
    assert assert_parity(small_port, allow_not_checked=True).verdict is Status.NOT_CHECKED


def test_a_mistake_is_no_failed_assertion(tmp_path):
    with pytest.raises(PortFileError, match="No converted checkpoint"):
        assert_parity(tmp_path / "gone.keras")

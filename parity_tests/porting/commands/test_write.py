from parity_tests.porting.writing.models import own_models

MODULE = own_models.__name__


def test_write_says_what_it_wrote_and_how_it_was_judged(run_cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shown = run_cli("write", f"{MODULE}:Classifier", "--with", "width=5", "--input", "3,8,8", "-o", "ports/net.py")
    assert shown.status == 0, shown.err
    assert "PASS: the port computes the same function as the reference" in shown.out
    assert "5 layers with weights, 1 transposition\n" in shown.out
    assert "wrote ports/net.py" in shown.out
    assert "wrote ports/net_pair.py" in shown.out
    assert "width=5" in (tmp_path / "ports/net_pair.py").read_text()


def test_write_refuses_in_one_message_and_with_status_2(run_cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for arguments, words in (
        ((f"{MODULE}:Halving", "--input", "4", "-o", "net.py"), "halve"),
        ((f"{MODULE}:Classifier", "-o", "net.py"), "--input"),
        ((f"{MODULE}:Classifier", "--with", "width", "--input", "3,8,8", "-o", "net.py"), "NAME=VALUE"),
        ((f"{MODULE}:Classifier", "--example", "none.npz", "-o", "net.py"), "none.npz"),
        (("unknown", "--input", "3", "-o", "net.py"), "unknown"),
    ):
        refused = run_cli("write", *arguments)
        assert refused.status == 2
        assert words in refused.err
        assert "Traceback" not in refused.err
    assert list(tmp_path.iterdir()) == []


def test_write_partially_is_not_checked(run_cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shown = run_cli("write", f"{MODULE}:Halving", "--input", "4", "--partial", "-o", "net.py", "--json", "net.json")
    assert shown.status == 3
    assert "NOT CHECKED" in shown.out
    assert "layers with weights" not in shown.out
    assert "no report at net.json" in shown.out
    assert not (tmp_path / "net.json").exists()
    assert "not_written" in (tmp_path / "net.py").read_text()


def test_write_keeps_nothing_of_what_does_not_pass_and_says_nothing_of_tried_exports(run_cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shown = run_cli("write", f"{MODULE}:LayerDropping", "--input", "4", "-o", "net.py")
    assert shown.status == 1
    assert "the model itself (LayerDropping) behind the input has no counterpart" in " ".join(shown.out.split())
    assert shown.out.endswith("wrote nothing, as only what passes is kept; --keep-failed keeps it\n")
    assert "def forward" not in shown.err
    assert list(tmp_path.iterdir()) == []

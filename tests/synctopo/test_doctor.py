"""The doctor, on this machine and on worse ones."""

import pytest

import rtd
from synctopo import doctor

pytestmark = pytest.mark.smoke


def test_on_a_machine_that_runs_the_tests_nothing_is_bad(tmp_path, monkeypatch):
    monkeypatch.delenv("SYNCTOPO_DATA", raising=False)
    found = doctor.findings(tmp_path / "results")
    assert doctor.healthy(found)
    assert not (tmp_path / "results").exists()
    said = doctor.told(found)
    assert said.splitlines()[-1] == "everything that is needed is here."
    for what in ("python", "torch", "giotto-tda", "RTD engine", "processors", "data", "results"):
        assert any(f.what == what and f.said for f in found), what


def test_a_data_folder_that_is_not_there_is_bad(tmp_path, monkeypatch):
    monkeypatch.setenv("SYNCTOPO_DATA", str(tmp_path / "nowhere"))
    found = doctor.findings(tmp_path)
    assert not doctor.healthy(found)
    assert doctor.told(found).splitlines()[-1] == "not well: data."
    (tmp_path / "nowhere").mkdir()
    (tmp_path / "nowhere" / "mnist.npz").write_bytes(b"")
    assert doctor.healthy(doctor.findings(tmp_path))


def test_results_cannot_be_written_into_a_file(tmp_path):
    (tmp_path / "results").write_text("")
    (finding,) = [f for f in doctor.findings(tmp_path / "results") if f.what == "results"]
    assert (finding.state, "is a file" in finding.said) == ("bad", True)


def test_a_package_that_is_missing_is_told_with_what_would_install_it(tmp_path, monkeypatch):
    monkeypatch.setattr(doctor, "PACKAGES", ("torch", "no-such-package"))
    monkeypatch.setattr(doctor, "EXTRAS", {"no-such-extra": "pip install it"})
    found = {f.what: f for f in doctor.findings(tmp_path)}
    assert (found["no-such-package"].state, found["no-such-package"].said) == ("bad", "pip install no-such-package")
    assert (found["no-such-extra"].state, found["no-such-extra"].said) == ("missing", "pip install it")


def test_an_engine_that_is_not_compiled_or_breaks_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(rtd, "is_compiled", lambda: False)
    (finding,) = [f for f in doctor.findings(tmp_path) if f.what == "RTD engine"]
    assert finding.state == "missing"

    def broken() -> bool:
        raise OSError("the disk is gone")

    monkeypatch.setattr(rtd, "is_compiled", broken)
    (finding,) = [f for f in doctor.findings(tmp_path) if f.what == "engine"]
    assert (finding.state, finding.said) == ("bad", "OSError: the disk is gone")

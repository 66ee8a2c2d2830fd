"""Tiny runs, made once; and no test touches the user's own cache."""

import contextlib
import io
import shutil

import pytest
from runs import OWN, TINY

from gansmith.commands.cli import main

collect_ignore_glob = ["stored/*"]


@pytest.fixture(autouse=True, scope="session")
def own_cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GANSMITH_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """Runs of two steps, made once: an encoder of digits, a GAN on the ring, a user's own recipe."""
    folder = tmp_path_factory.mktemp("trained")
    (folder / "own.py").write_text(OWN)
    with contextlib.redirect_stdout(io.StringIO()), contextlib.chdir(folder):
        assert main(["train", *TINY, "--out", "ogan"]) == 0
        assert main(["train", "gan", "--data", "ring", *TINY, "--out", "ring"]) == 0
        assert main(["train", "own.py:mine", "--steps", "2", "--device", "cpu", "--out", "own"]) == 0
    return folder


@pytest.fixture
def ogan(trained, tmp_path):
    return shutil.copytree(trained / "ogan", tmp_path / "ogan")


@pytest.fixture
def ring(trained, tmp_path):
    return shutil.copytree(trained / "ring", tmp_path / "ring")


@pytest.fixture
def refused(capsys):
    """Runs a command that must be refused: exit code, one line on stderr, no traceback; returns the line."""

    def call(*words, code=2):
        capsys.readouterr()
        assert main([str(word) for word in words]) == code
        line = capsys.readouterr().err
        assert line.startswith("gansmith: ") and line.count("\n") == 1 and line.endswith("\n"), line
        assert line[:-1].isprintable()
        return line

    return call


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """Everything happens in an empty folder, and nothing is left behind in signals or streams."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GANSMITH_DEBUG", raising=False)


@pytest.fixture
def few_samples(monkeypatch):
    """Where what is measured at the end of a run is no matter: it takes most of the time of a small one."""
    monkeypatch.setattr("gansmith.examinations.base.MOST", 50)

"""`affectd-lab`: what it prints, and one line for each trouble."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from models.lab import __main__ as cli
from models.lab import recipe
from models.lab.corpora import CORPORA
from tests.lab import tiny

ROOT = Path(__file__).parents[2]
TOML = """
source = "made up for the tests"
corpus = "TINY"
network = "cl"
window_frames = 16
stride_frames = 8
epochs = 1
batch = 5
learning_rate = 1e-3
dropout = 0.2
trim_db = 40.0
bf16 = false

[front_end]
n_bands = 16
n_mels = 20
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with the tiny corpus and a recipe for it."""
    tiny.write_corpus(tmp_path / "corpora")
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes" / "tiny.toml").write_text(TOML)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("AFFECTD_CORPORA", raising=False)
    monkeypatch.setattr(recipe, "FOLDER", tmp_path / "recipes")
    monkeypatch.setitem(CORPORA, "TINY", tiny.CORPUS)
    return tmp_path


def error_line(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert cli.main(arguments) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    return said.err


def test_train_evaluate_export(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["train", "tiny"]) == 0
    assert capsys.readouterr().out == "build/lab/tiny/whole-corpus-seed0.pt\n"
    assert cli.main(["evaluate", "tiny", "--protocol", "paper", "--seeds", "2", "--workers", "2", "--results", "results"]) == 0
    scores = json.loads(capsys.readouterr().out)
    assert (scores["recipe"], scores["protocol"], scores["seeds"]) == ("tiny", "paper", 2)
    assert 0 <= scores["paper_uar_mean"] <= 100
    assert cli.main(["export", "tiny", "--out", "mine.onnx", "--results", "results"]) == 0
    said = capsys.readouterr()
    assert said.out.startswith("mine.onnx: sha256 ")
    assert said.err == "affectd-lab: tiny has no whole result of the protocol speaker-independent yet\n"
    assert (folder / "mine.onnx").stat().st_size > 100_000


def test_corpora_as_a_table(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    next((folder / "corpora" / "TINY").glob("03a01W*")).unlink()
    assert cli.main(["corpora"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["corpus", "found", "files", "speakers", "complaints", "licence"]
    assert lines[1].split()[:2] == ["EMO-DB", "-"]
    assert "corpus not at hand: no folder corpora/EMO-DB" in lines[1]
    assert lines[-1].startswith("TINY ")
    assert "anger: missing 1 of 6" in lines[-1]
    assert lines[-1].endswith("CC0 1.0")


def test_corpora_as_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["corpora", "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert rows[0] == {
        "corpus": "EMO-DB",
        "found": None,
        "files": 0,
        "speakers": 0,
        "complaints": ["corpus not at hand: no folder corpora/EMO-DB"],
        "licence": "CC0 1.0",
    }
    assert rows[-1] == {
        "corpus": "TINY",
        "found": "corpora/TINY",
        "files": 18,
        "speakers": 3,
        "complaints": [],
        "licence": "CC0 1.0",
    }


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["train", "tyni"], "no recipe 'tyni': known are tiny"),
        (["evaluate", "tiny", "--protocol", "loso"], "unknown protocol 'loso'"),
        (["export", "tiny"], "run `affectd-lab train tiny --seed 0` first"),
    ],
)
def test_trouble_is_one_line(folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], says: str) -> None:
    (folder / "results").mkdir()
    if arguments[0] == "export":  # whose notes on missing results are lines of their own
        assert cli.main(arguments) == 2
        assert says in capsys.readouterr().err.splitlines()[-1]
    else:
        assert says in error_line(capsys, *arguments)


@pytest.mark.parametrize("command", [["train", "tiny"], ["evaluate", "tiny", "--protocol", "paper"], ["export", "tiny"]])
def test_a_missing_corpus_is_one_line(folder: Path, capsys: pytest.CaptureFixture[str], command: list[str]) -> None:
    (folder / "corpora").rename(folder / "elsewhere")
    assert error_line(capsys, *command).startswith("affectd-lab: TINY: no folder corpora/TINY; set AFFECTD_CORPORA")


@pytest.mark.parametrize("arguments", [[], ["dance"], ["train"], ["train", "tiny", "--seed", "-1"], ["evaluate", "tiny"]])
def test_wrong_usage_exits_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as leaving:
        cli.main(arguments)
    assert leaving.value.code == 2


@pytest.mark.parametrize("absent", ["torch", "onnx"])
def test_without_the_extra_one_line_says_what_to_install(absent: str, tmp_path: Path) -> None:
    program = (
        f"import sys; sys.modules[{absent!r}] = None\n"
        f"sys.path.insert(0, {str(ROOT)!r})\n"
        "from models.lab.__main__ import main\n"
        "sys.exit(main(['export', 'cl-emodb', '--results', 'none']))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"affectd-lab: {absent} is not installed: pip install 'affectd[lab]'\n"


def test_an_archive_without_the_extra_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("a.wav")
    program = (
        f"import sys; sys.modules['pyarrow'] = None; sys.path.insert(0, {str(ROOT)!r})\n"
        "from models.lab.__main__ import main\n"
        "sys.exit(main(['score', 'list.txt', '--out', 'out.parquet']))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "affectd-lab: pyarrow is not installed: pip install 'affectd[lab]'\n"


def test_corpora_needs_no_torch(tmp_path: Path) -> None:
    program = (
        f"import sys; sys.modules['torch'] = None; sys.path.insert(0, {str(ROOT)!r})\n"
        "from models.lab.__main__ import main\n"
        "sys.exit(main(['corpora']))"
    )
    assert subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=False).returncode == 0

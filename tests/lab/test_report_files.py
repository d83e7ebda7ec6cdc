"""The report as files: the same results give the same bytes, what is damaged is one line, the repository's own is current."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from models.lab import __main__ as cli
from models.lab import recipe, report, shares, splits
from models.lab.at_hand import at_hand
from models.lab.corpora import RAVDESS
from models.lab.publish import publish
from models.lab.results import RESULTS, Run, read
from tests.lab.test_lab_cli import TOML
from tests.lab.tiny_report import SEED_0, SEED_1, assert_sane, prepared, put

LAB = RESULTS.parent


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return prepared(tmp_path, monkeypatch)


def test_the_same_results_give_the_same_bytes(folder: Path) -> None:
    for seed, matrix in ((1, SEED_1), (0, SEED_0)):
        put(folder, splits.PAPER, seed, "80-20", matrix)
    publish(at_hand(folder / "results"), folder / "once")
    for seed, matrix in ((0, SEED_0), (1, SEED_1)):
        put(folder, splits.PAPER, seed, "80-20", matrix)
    publish(at_hand(folder / "results"), folder / "again")
    names = sorted(path.relative_to(folder / "once") for path in (folder / "once").rglob("*.*"))
    assert [str(name) for name in names] == [
        "RESULTS.md",
        "pictures/classes.png",
        "pictures/confusion-tiny.png",
        "pictures/shares.png",
    ]
    for name in names:
        assert (folder / "once" / name).read_bytes() == (folder / "again" / name).read_bytes(), name


def test_curves_are_drawn_of_the_results_that_hold_losses(folder: Path) -> None:
    path = put(folder, splits.PAPER, 0, "80-20", SEED_0)
    put(folder, splits.PAPER, 1, "80-20", SEED_1)
    publish(at_hand(folder / "results"), folder / "out")
    assert not (folder / "out" / "pictures" / "curves-tiny.png").exists()
    path.write_text(
        json.dumps({**json.loads(path.read_text()), "losses": [1.1, 0.6, 0.4], "validation_losses": [1.2, 0.9, 1.0]})
    )
    text = publish(at_hand(folder / "results"), folder / "out").read_text()
    assert "(pictures/curves-tiny.png)" in text
    for name in ("classes", "confusion-tiny", "curves-tiny"):
        assert_sane(folder / "out" / "pictures" / f"{name}.png")


def test_a_result_from_before_the_losses_reads(folder: Path) -> None:
    path = put(folder, splits.PAPER, 0, "80-20", SEED_0)
    values = json.loads(path.read_text())
    del values["losses"], values["validation_losses"]
    path.write_text(json.dumps(values))
    older = read(Run(recipe.load("tiny"), splits.PAPER, 0, "80-20"), folder / "results")
    assert older is not None
    assert (older.losses, older.confusion) == ([], SEED_0)


def error_line(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert cli.main(["report", "--results", "results", "--out", "out", *arguments]) == 2
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert not Path("out").exists(), "half a report"
    return said.err


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        ({"confusion": [[1, 2], [3]]}, "is not the result of a run"),
        ({"confusion": [[1, 2], [3, 4]]}, "want counts (3, 3)"),
        ({"confusion": [[0] * 3] * 3}, "at least one above zero"),
        ({"confusion": [[-1, 2, 3]] * 3}, "is not the result of a run"),
        ({"confusion": None}, "is not the result of a run"),
        ({"labels": ["c", "b", "a"]}, "is not the result that its name says"),
        ({"seed": 1}, "is not the result that its name says"),
        ({"recipe": {}}, "the recipe tiny has changed since"),
    ],
)
def test_a_damaged_result_is_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str], damage: dict[str, object], says: str
) -> None:
    path = put(folder, splits.PAPER, 0, "80-20", SEED_0)
    path.write_text(json.dumps({**json.loads(path.read_text()), **damage}))
    line = error_line(capsys)
    assert "results/tiny/paper-seed0-80-20.json: " in line
    assert says in line


@pytest.mark.parametrize("content", ["", "{", "[]", "3", "{}", "\udcff"])
def test_a_file_that_is_no_result_is_one_line(folder: Path, capsys: pytest.CaptureFixture[str], content: str) -> None:
    path = put(folder, splits.PAPER, 0, "80-20", SEED_0)
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    assert "paper-seed0-80-20.json: is not the result of a run" in error_line(capsys)


def test_a_file_or_folder_of_another_name_is_one_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = put(folder, splits.PAPER, 0, "80-20", SEED_0)
    path.rename(path.with_name("loso-seed0-03.json"))
    assert "loso-seed0-03.json: want PROTOCOL-seedN-FOLD.json" in error_line(capsys)
    path.parent.rename(folder / "results" / "tyni")
    assert "results/tyni: no recipe 'tyni': known are large, mine, tiny, tiny-tuned" in error_line(capsys)
    (folder / "results").rename(folder / "elsewhere")
    assert error_line(capsys) == "affectd-lab: no folder results\n"


def test_a_recipe_that_changed_since_is_one_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(folder, splits.PAPER, 0, "80-20", SEED_0)
    (folder / "recipes" / "tiny.toml").write_text(TOML.replace("epochs = 1", "epochs = 2"))
    assert "paper-seed0-80-20.json: the recipe tiny has changed since (epochs): delete it" in error_line(capsys)


def test_the_command_writes_and_says_where(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(folder, splits.PAPER, 0, "80-20", SEED_0)
    assert cli.main(["report", "--results", "results", "--out", "out"]) == 0
    assert capsys.readouterr().out == "out/RESULTS.md\n"
    assert Path("out/RESULTS.md").read_text() == report.text(at_hand(folder / "results"), folder, shares.at_hand())


def test_without_matplotlib_one_line_says_what_to_install(tmp_path: Path) -> None:
    program = (
        f"import sys; sys.modules['matplotlib'] = None; sys.path.insert(0, {str(LAB.parents[1])!r})\n"
        "from models.lab.__main__ import main\n"
        "sys.exit(main(['report', '--out', 'out']))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert (done.returncode, done.stderr) == (2, "affectd-lab: matplotlib is not installed: pip install 'affectd[lab]'\n")


def test_the_report_in_the_repository_is_of_the_results_beside_it() -> None:
    text = (LAB / report.FILE).read_text(encoding="utf-8")
    assert text == report.text(at_hand(RESULTS), LAB / report.PICTURES, shares.at_hand()), (
        "run `affectd-lab report` and commit what it wrote"
    )


def test_the_pictures_in_the_repository_are_those_that_the_report_shows() -> None:
    shown = set(re.findall(r"\(pictures/([^)]+)\)", (LAB / report.FILE).read_text(encoding="utf-8")))
    assert set(report.RECORDINGS) <= shown
    at_hand_too = {path.name for path in (LAB / report.PICTURES).glob("*.png")} - {f"spectrograms-{RAVDESS.name.lower()}.png"}
    assert shown == at_hand_too
    for name in sorted(shown):
        assert_sane(LAB / report.PICTURES / name)

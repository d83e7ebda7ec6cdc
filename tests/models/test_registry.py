"""Model files by name and path, and the sums that they must have."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from models import registry
from models.errors import HashMismatch, ModelError, UnknownModel

CONTENT = b"not a model, but the registry does not look inside"
SUM = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two models that ship."""
    for name in ("cl-emodb", "al-casia"):
        (tmp_path / f"{name}.onnx").write_bytes(CONTENT)
    (tmp_path / "cl-emodb.md").write_text("a card")
    (tmp_path / registry.SUMS).write_text(f"{SUM}  cl-emodb.onnx\n{SUM} *al-casia.onnx\n")
    return tmp_path


def test_names_are_those_of_the_model_files(folder: Path) -> None:
    assert registry.names(folder) == ["al-casia", "cl-emodb"]


@pytest.mark.parametrize("name", ["cl-emodb", "al-casia"])
def test_a_model_is_loaded_by_name_with_its_sum(folder: Path, name: str) -> None:
    loaded = registry.load(name, folder)
    assert loaded == registry.Artefact(name, folder / f"{name}.onnx", SUM, CONTENT)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("cl-emodbb", "unknown model 'cl-emodbb': known are al-casia, cl-emodb; did you mean 'cl-emodb'?"),
        ("zzz", "unknown model 'zzz': known are al-casia, cl-emodb"),
        ("", "unknown model '': known are al-casia, cl-emodb"),
        ("none.onnx", "model none.onnx: no such file"),
        ("models/none", "model models/none: no such file"),
    ],
)
def test_an_unknown_model_names_the_nearest(folder: Path, name: str, says: str) -> None:
    with pytest.raises(UnknownModel) as refused:
        registry.load(name, folder)
    assert str(refused.value) == says


def test_where_none_ships_none_is_known(tmp_path: Path) -> None:
    with pytest.raises(UnknownModel, match=r"^unknown model 'cl-emodb': known are none$"):
        registry.load("cl-emodb", tmp_path / "nowhere")


@pytest.mark.parametrize("by_path", [False, True])
def test_a_file_with_another_sum_is_refused_by_name_and_by_path(folder: Path, by_path: bool) -> None:
    path = folder / "cl-emodb.onnx"
    path.write_bytes(CONTENT[:-1] + b"!")
    with pytest.raises(
        HashMismatch, match=rf"^model .*cl-emodb\.onnx has sha256 .*, SHA256SUMS beside it says {SUM[:12]}"
    ) as refused:
        registry.load(str(path) if by_path else "cl-emodb", folder)
    assert "\n" not in str(refused.value)


def test_a_model_that_ships_must_have_a_sum(folder: Path) -> None:
    (folder / registry.SUMS).write_text(f"{SUM}  al-casia.onnx\n")
    with pytest.raises(HashMismatch, match=r"^model cl-emodb\.onnx does not stand in .*SHA256SUMS: install affectd again$"):
        registry.load("cl-emodb", folder)
    (folder / registry.SUMS).unlink()
    with pytest.raises(HashMismatch, match="does not stand in"):
        registry.load("al-casia", folder)


def test_a_file_of_one_s_own_needs_no_sum(tmp_path: Path) -> None:
    path = tmp_path / "mine.onnx"
    path.write_bytes(CONTENT)
    loaded = registry.load(str(path))
    assert (loaded.name, loaded.sha256) == ("mine", SUM)


def test_a_folder_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "a.onnx").mkdir()
    with pytest.raises(ModelError, match=r"a\.onnx: no such file$"):
        registry.load(str(tmp_path / "a.onnx"))


def test_the_default_ships() -> None:
    assert registry.DEFAULT in registry.names()


@pytest.mark.parametrize("name", registry.names())
def test_what_ships_has_its_sum_and_a_card(name: str) -> None:
    loaded = registry.load(name)
    assert loaded.sha256 == hashlib.sha256(loaded.path.read_bytes()).hexdigest()
    card = loaded.path.with_suffix(".md").read_text(encoding="utf-8")
    assert loaded.sha256 in card
    listed = (registry.ARTEFACTS / registry.SUMS).read_text().split()
    assert f"{name}.onnx" in listed

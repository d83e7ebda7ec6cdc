"""The settings: each wrong value is refused with its file, its key and a wish."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any, Callable

import pytest

from daemon.delivery.mqtt import MqttDelivery
from daemon.delivery.outbox import Outbox
from daemon.errors import SettingsError
from daemon.settings import SECTIONS, BrokerSettings, OutboxSettings, Settings, SourceSettings, from_table, load

EXAMPLE = Path(__file__).parents[2] / "deploy" / "affectd.toml"

# section, key, TOML value, what is said of it
WRONG = [
    ("node", "name", '"two words"', "1 to 64 letters, digits, - or _"),
    ("node", "name", '"a/b"', "1 to 64 letters, digits, - or _"),
    ("node", "name", '""', "1 to 64 letters, digits, - or _"),
    ("node", "name", '"a\\n"', "1 to 64 letters, digits, - or _"),
    ("model", "stride_ms", "-1.0", "want 0 to 10000"),
    ("model", "stride_ms", "nan", "want 0 to 10000"),
    ("model", "provider", '"gpu"', 'want "auto", "tensorrt", "cuda" or "cpu"'),
    ("broker", "host", '""', "a name or an address"),
    ("broker", "port", "0", "want 1 to 65535"),
    ("broker", "port", "99999", "want 1 to 65535"),
    ("broker", "protocol", '"3.1"', 'want "auto", "5" or "3.1.1"'),
    ("broker", "keepalive_s", "4", "want 5 to 3600"),
    ("broker", "keepalive_s", "3601", "want 5 to 3600"),
    ("broker", "password_credential", '"../shadow"', "a name of letters"),
    ("broker", "longest_retry_s", "0.4", "want 0.5 to 3600"),
    ("broker", "session_expiry_s", "-1", "want 0 to 604800"),
    ("broker", "session_expiry_s", "604801", "want 0 to 604800"),
    ("outbox", "max_mb", "0.0", "want 0.001 to 100000"),
    ("outbox", "max_age_h", "-1", "want 0 to 87600"),
    ("outbox", "drop", '"both"', 'want "oldest" or "newest"'),
    ("outbox", "linger_ms", "10001", "want 0 to 10000"),
    ("discovery", "prefix", '"home assistant"', "without +, # and spaces"),
    ("discovery", "prefix", '"a/"', "without +, # and spaces"),
    ("discovery", "status_topic", '"homeassistant/#"', "without +, # and spaces"),
    ("discovery", "status_topic", '""', "without +, # and spaces"),
    ("gate", "aggressiveness", "4", "want 0, 1, 2 or 3"),
    ("gate", "onset_ms", "19.0", "want 20 to 1000"),
    ("gate", "onset_share", "0.0", "above 0, at most 1"),
    ("gate", "onset_share", "1.1", "above 0, at most 1"),
    ("gate", "pre_roll_ms", "0.0", "want 1 to 1000"),
    ("gate", "post_roll_ms", "801.0", "want 0 to hang_over_ms"),
    ("gate", "range_db", "9.9", "want 10 to 96"),
    ("gate", "hang_over_ms", "99", "want 100 to 5000"),
    ("gate", "hang_over_ms", "inf", "want 100 to 5000"),
    ("gate", "longest_utterance_s", "301", "want 2 to 300"),
    ("decision", "min_confidence", "1.0", "0 to below 1"),
    ("decision", "min_confidence", "-0.1", "0 to below 1"),
    ("decision", "margin", "1.0", "0 to below 1"),
    ("decision", "patience", "0", "at least 1"),
    ("decision", "smoothing_s", "0.0", "above 0, at most a day"),
    ("decision", "forget_after_s", "nan", "above 0, at most a day"),
    ("decision", "episode_after_s", "-3", "above 0, at most a day"),
    ("decision", "episode_update_s", "86401", "above 0, at most a day"),
    ("decision", "state_every_s", "0", "above 0, at most a day"),
    ("seat", "forget_after_s", "0", "above 0, at most a day"),
    ("seat", "forget_after_s", "nan", "above 0, at most a day"),
    ("seat", "forget_topic", '"ignition/#/now"', "# only as the last"),
    ("seat", "forget_topic", '"ignition/+now"', "only as whole levels"),
    ("power", "measure_with", '"tegrastats"', 'want "auto", "jtop", "nvml" or "none"'),
    ("power", "interval_s", "0.05", "want 0.1 to 60"),
    ("power", "publish_every_s", "0.05", "want 0.1 to 3600, or 0"),
    ("power", "max_mb", "0.0", "want 0.01 to 10000"),
    ("power", "files", "0", "want 1 to 1000"),
    ("metrics", "host", '"localhost"', "an address such as 127.0.0.1"),
    ("metrics", "host", '""', "an address such as 127.0.0.1"),
    ("metrics", "port", "0", "want 1 to 65535"),
    ("dashboard", "host", '"localhost"', "an address of this machine"),
    ("dashboard", "host", '"0.0.0.0"', "name a file with a token in token_file"),
    ("dashboard", "port", "0", "want 1 to 65535"),
    ("dashboard", "name", '"two words"', "a host name"),
]
FREE_TEXT = {
    *(
        ("broker", key)
        for key in ("username", "password_file", "password_credential", "ca_file", "cert_file", "key_file", "client_id")
    ),
    ("model", "name"),
    ("node", "state"),
    ("seat", "keep"),
    ("power", "csv"),
    ("dashboard", "token_file"),
}
SWITCHES = {
    ("broker", "cloudevents"),
    ("broker", "tls"),
    ("dashboard", "may_switch"),
    ("discovery", "enabled"),
    ("gate", "speech_only"),
    ("seat", "adapt"),
    ("journal", "utterances"),
    ("journal", "labels"),
    ("metrics", "enabled"),
}
EVERY_KEY = [(section, one.name, one.default) for section, cls in SECTIONS.items() for one in fields(cls)]


def refusal(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError) as refused:
        load(path)
    said = str(refused.value)
    assert said.startswith(f"{path}: ")
    assert "\n" not in said
    return said


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "affectd.toml"


@pytest.mark.parametrize(("section", "key", "value", "wish"), WRONG)
def test_a_value_out_of_range_is_refused_with_its_key_and_a_wish(
    file: Path, section: str, key: str, value: str, wish: str
) -> None:
    said = refusal(file, f"[{section}]\n{key} = {value}\n")
    assert f"[{section}] {key} is " in said
    assert wish in said


def test_every_key_with_a_range_is_tried_above() -> None:
    assert {(section, key) for section, key, _ in EVERY_KEY} == {one[:2] for one in WRONG} | FREE_TEXT | SWITCHES


@pytest.mark.parametrize(("section", "key", "default"), EVERY_KEY)
@pytest.mark.parametrize("value", ["true", "[1]", "{}", "1979-05-27"])
def test_a_value_of_another_type_is_refused(file: Path, section: str, key: str, default: object, value: str) -> None:
    if isinstance(default, bool) and value == "true":
        value = "1"  # which is no truth, as a truth is no number
    said = refusal(file, f"[{section}]\n{key} = {value}\n")
    assert f"[{section}] {key} is " in said
    assert f"want {'a number' if isinstance(default, float) else type(default).__name__}" in said


def test_a_whole_number_is_a_number_and_a_text_is_none(file: Path) -> None:
    file.write_text("[gate]\nhang_over_ms = 700\n")
    assert load(file).gate.hang_over_ms == 700.0
    assert "[gate] hang_over_ms is '700': want a number" in refusal(file, '[gate]\nhang_over_ms = "700"\n')
    assert "[broker] port is 1883.0: want int" in refusal(file, "[broker]\nport = 1883.0\n")


@pytest.mark.parametrize(("section", "key", "default"), EVERY_KEY)
def test_an_unknown_key_names_the_nearest(file: Path, section: str, key: str, default: object) -> None:
    said = refusal(file, f"[{section}]\n{key}x = 1\n")
    assert f"[{section}] unknown key '{key}x'; did you mean '{key}'?" in said


def test_an_unknown_key_like_no_other_names_them_all(file: Path) -> None:
    assert "unknown key 'zzz'; known are aggressiveness, onset_ms" in refusal(file, "[gate]\nzzz = 1\n")


def test_a_key_that_is_no_more_names_what_took_its_place(file: Path) -> None:
    said = refusal(file, "[broker]\ncapacity = 10000\n")
    assert said.endswith("[broker] key 'capacity' is no more: the outbox lies on disk now, and its room is [outbox] max_mb")


def test_an_unknown_section_names_the_nearest(file: Path) -> None:
    assert "unknown section 'brokers'; did you mean 'broker'?" in refusal(file, "[brokers]\nport = 1\n")
    assert "unknown section 'port'" in refusal(file, "port = 1883\n")


@pytest.mark.parametrize("device", ["0", "7", "12"])
def test_an_index_is_no_device(file: Path, device: str) -> None:
    said = refusal(file, f'[[source]]\ndevice = "{device}"\n')
    assert f"[[source]] device is '{device}', an index" in said
    assert "affectd devices" in said


SOURCES: list[tuple[str, str]] = [
    ("[[source]]\n", "[[source]] source 'cabin' needs either a device"),
    ('[[source]]\ndevice = "a"\nrecording = "b.wav"\n', "needs either a device"),
    ('[source]\ndevice = "a"\n', "write [[source]] with two brackets"),
    ("source = [1]\n", "[[source]] is 1: want a table"),
    ('[[source]]\nname = "a/b"\ndevice = "x"\n', "[[source]] name is 'a/b': want 1 to 64 letters"),
    ("[[source]]\ndevice = 3\n", "[[source]] device is 3: want str"),
    ('[[source]]\nrecording = "a.wav"\nspeed = 0\n', "[[source]] speed is 0.0: want 0.01 to 1000"),
    ('[[source]]\ndevise = "x"\n', "[[source]] unknown key 'devise'; did you mean 'device'?"),
    ('[[source]]\ndevice = "a"\n[[source]]\ndevice = "b"\n', "two sources are called 'cabin'"),
    ("gate = 3\n", "[gate] is 3: want a table"),
]


@pytest.mark.parametrize(("text", "says"), SOURCES)
def test_a_source_that_cannot_be_is_refused(file: Path, text: str, says: str) -> None:
    assert says in refusal(file, text)


FILES: list[tuple[Callable[[Path], Any], str]] = [
    (lambda file: None, "no such file"),
    (lambda file: file.mkdir(), "cannot be read: Is a directory"),
    (lambda file: file.write_text("[gate\n"), "not TOML: "),
    (lambda file: file.write_bytes(b"\xff\xfe\x00"), "not TOML: "),
]


@pytest.mark.parametrize(("make", "says"), FILES, ids=["missing", "folder", "no toml", "no text"])
def test_a_file_that_is_none_is_refused(file: Path, make: Callable[[Path], Any], says: str) -> None:
    make(file)
    with pytest.raises(SettingsError) as refused:
        load(file)
    assert str(refused.value).startswith(f"{file}: {says}")
    assert "\n" not in str(refused.value)


def test_an_empty_file_is_the_defaults(file: Path) -> None:
    file.write_text("")
    assert load(file) == Settings()


def test_the_example_shows_the_defaults() -> None:
    example = load(EXAMPLE)
    assert [one.name for one in example.source] == ["driver"]
    assert example == Settings(source=example.source)
    keys = {line.split("=")[0].strip(" #") for line in EXAMPLE.read_text().splitlines() if "=" in line}
    assert {one.name for cls in (*SECTIONS.values(), SourceSettings) for one in fields(cls)} <= keys


def test_all_settings_can_be_shown_and_read_again() -> None:
    shown = load(EXAMPLE).as_dict()
    shown["source"] = [{key: value for key, value in one.items() if value} for one in shown["source"]]
    assert from_table(shown) == load(EXAMPLE)


@pytest.mark.parametrize(
    "make",
    [lambda file: None, lambda file: file.mkdir(), lambda file: file.write_bytes(b"\xff\xfe")],
    ids=["missing", "folder", "no text"],
)
def test_a_password_file_that_cannot_be_read_is_refused(file: Path, make: Callable[[Path], Any]) -> None:
    make(file)
    settings = BrokerSettings(username="cabin", password_file=str(file))
    with pytest.raises(SettingsError, match=r"^\[broker\] password_file .*affectd\.toml: cannot be read: .+") as refused:
        MqttDelivery(settings, "cabin", Outbox(None, "boot", OutboxSettings()), lambda: "now")
    assert "\n" not in str(refused.value)

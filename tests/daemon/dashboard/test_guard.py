"""Who is let in at the page: by its own name, from itself, with its token where others can reach it."""

from __future__ import annotations

import contextlib
import logging
import re
from pathlib import Path
from typing import Iterator
from urllib.parse import urlencode

import pytest

from daemon.__main__ import main
from daemon.dashboard import entrance
from daemon.dashboard.serve import Dashboard
from daemon.errors import SettingsError
from daemon.settings import DashboardSettings, Settings
from tests.daemon.dashboard.page import Served, served

TOKEN = "0123456789abcdef0123456789abcdef"


@pytest.fixture(scope="module")
def page() -> Iterator[Served]:
    with served() as one:
        yield one


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """With a token."""
    file = tmp_path_factory.mktemp("token") / "token"
    file.write_text(TOKEN + "\n")
    with served(token_file=file) as one:
        yield one


@pytest.mark.parametrize("way", ["/", "/analyse", "/models", "/results", "/static/live.js", "/api/models", "/nowhere"])
def test_every_answer_tells_the_browser_to_run_nothing_that_stands_in_a_page(page: Served, way: str) -> None:
    answer = page.ask(way)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "access-control-allow-origin" not in answer.headers
    if way != "/nowhere":
        assert answer.status == 200
    if answer.headers["content-type"].startswith("text/html"):
        text = answer.body.decode()
        assert not re.search(r"<script(?![^>]* src=\"/static/)|<style|\sstyle=|\son[a-z]+=", text)
        assert not re.search(r"(?:src|href)=\"(?!/|#)", text)


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "[::1]", "127.0.0.2"])
def test_a_name_of_this_machine_is_answered(page: Served, name: str) -> None:
    assert page.ask("/", Host=f"{name}:{page.dashboard.port}").status == 200


@pytest.mark.parametrize("name", ["evil.example", "localhost.evil.example", "192.168.1.7", "127.0.0.1.evil.example", "", "a b"])
def test_a_name_that_is_not_ours_is_refused(page: Served, name: str) -> None:
    """Else a name that is made to resolve to 127.0.0.1 would let another site read the page."""
    answer = page.ask("/api/live", Host=name)
    assert answer.status in (400, 421)
    assert b"mood" not in answer.body


def test_a_proxys_name_is_answered_where_it_is_set() -> None:
    with served(name="car.example") as one:
        assert one.ask("/", Host="car.example").status == 200
        assert one.ask("/", Host="other.example").status == 421


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1", "http://localhost.evil.example"])
@pytest.mark.parametrize(("method", "way"), [("POST", "/api/listening"), ("POST", "/api/analyse"), ("GET", "/api/live")])
def test_what_another_site_asks_for_is_refused(page: Served, method: str, way: str, origin: str) -> None:
    assert page.ask(way, method, b"{}" if method == "POST" else None, Origin=origin).status == 403


def test_a_post_that_does_not_say_where_it_comes_from_is_refused(page: Served) -> None:
    with contextlib.closing(page.connect()) as connection:
        connection.request("POST", "/api/listening", b"{}")
        assert connection.getresponse().status == 403


@pytest.mark.parametrize(
    "way", ["/", "/analyse", "/api/live", "/api/models", "/models/affectnet", "/results/pictures/classes.png"]
)
def test_without_the_token_nothing_is_shown(closed: Served, way: str) -> None:
    assert closed.ask(way).status == 401
    sent_to_the_door = closed.ask(way, Accept="text/html")
    assert sent_to_the_door.status == 303
    assert sent_to_the_door.headers["location"] == "/enter"


def test_the_token_opens_the_door_and_the_cookie_keeps_it_open(closed: Served) -> None:
    assert b'type="password"' in closed.ask("/enter").body
    answer = closed.ask("/enter", "POST", urlencode({"token": TOKEN}).encode())
    assert answer.status == 303
    assert answer.headers["location"] == "/"
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "samesite=strict" in cookie.lower()
    assert TOKEN not in cookie
    assert closed.ask("/api/models", Cookie=f"other=1; {cookie.split(';')[0]}").status == 200


def test_a_program_shows_the_token_in_a_header(closed: Served) -> None:
    assert closed.ask("/api/models", Authorization=f"Bearer {TOKEN}").status == 200


@pytest.mark.parametrize("header", [f"Bearer {TOKEN[:-1]}", "Bearer ", TOKEN, f"Basic {TOKEN}"])
def test_a_wrong_token_in_a_header_is_refused(closed: Served, header: str) -> None:
    assert closed.ask("/api/models", Authorization=header).status == 401


@pytest.mark.parametrize("body", [urlencode({"token": "wrong"}).encode(), b"", b"token", b"\xff" * 9000])
def test_a_wrong_token_at_the_door_is_refused_and_not_told_again(
    closed: Served, body: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entrance, "WRONG_S", 0.01)
    answer = closed.ask("/enter", "POST", body)
    assert answer.status == 403
    assert "set-cookie" not in answer.headers
    assert b"That is not the token." in answer.body
    assert b"wrong" not in answer.body


def test_a_token_in_the_address_is_no_token_and_in_no_log(closed: Served, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        assert closed.ask(f"/api/models?token={TOKEN}").status == 401
        assert closed.ask("/enter", "POST", urlencode({"token": TOKEN}).encode()).status == 303
    assert TOKEN not in caplog.text


def test_an_address_that_others_reach_needs_a_token() -> None:
    with pytest.raises(SettingsError, match="token_file, made by `openssl rand -hex 16`"):
        DashboardSettings(host="0.0.0.0")


@pytest.mark.parametrize(
    "arguments", [["--host", "0.0.0.0"], ["--host", "192.168.1.7"], ["--host", "nonsense"], ["--port", "70000"]]
)
def test_the_command_refuses_such_arguments_in_one_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dashboard", *arguments]) == 2
    said = capsys.readouterr().err
    assert said.startswith("affectd: error: --")
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("content", "says"), [(None, "No such file"), (b"short\n", "at least 16 characters"), (b"\xff\xfe" * 20, "no UTF-8 text")]
)
def test_a_token_file_that_is_of_no_use_is_named(tmp_path: Path, content: bytes | None, says: str) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SettingsError, match=says) as refused:
        Dashboard(Settings(dashboard=DashboardSettings(token_file=str(file))), port=0)
    assert str(refused.value).startswith(f"[dashboard] token_file {file}: ")


def test_a_port_that_is_taken_is_named(page: Served) -> None:
    with pytest.raises(SettingsError, match=f"port {page.dashboard.port}: cannot be had: Address already in use"):
        Dashboard(Settings(), port=page.dashboard.port)

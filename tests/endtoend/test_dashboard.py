"""The page in a real browser, beside a real broker and the real service, which hears speech."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any, Iterator

import paho.mqtt.publish as publish
import pytest
from playwright.sync_api import Browser, expect

from daemon.demo.broker import free_port
from models.contract import LABELS
from tests.daemon.dashboard.page import served
from tests.fixtures.browser import COLOURS_OF, PATIENCE_MS, PHONE, Seen, looked_at, violations
from tests.fixtures.car import World, await_page, car, running

ROOT = Path(__file__).parents[2]
SEATS = ("driver", "passenger")
MOODS = [*LABELS, "uncertain"]
HOSTILE = "<img src=x onerror=alert(1)>"
PAGES = [
    *(("/", "light"), ("/", "dark"), ("/analyse", "light"), ("/analyse", "dark")),
    *(("/models", "light"), ("/models/affectnet", "dark"), ("/results", "light")),
    ("/results/paper-1", "dark"),
]
WANTED = {"005ed5", "42e4f0", "a779cc", "666666", "739e00", "b27200", "009fe6"}
"""The colours of anger, happiness, fear, neutral, disgust, sadness and surprise, blue first."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with car(tmp_path_factory.mktemp("car"), SEATS) as one:
        yield one


@pytest.fixture
def live(world: World, browser: Browser) -> Iterator[Seen]:
    await_page(world)
    with looked_at(browser, f"{world.address}/") as seen:
        yield seen


def seat(seen: Seen, name: str) -> Any:
    return seen.page.get_by_role("article", name=name, exact=True)


def say(world: World, topic: str, **body: Any) -> None:
    publish.single(topic, json.dumps(body), qos=1, hostname="127.0.0.1", port=world.broker.port)


def test_the_moods_of_both_seats_are_seen_as_they_are_spoken(live: Seen) -> None:
    page = live.page
    expect(page.get_by_role("heading", name="car", exact=True)).to_be_visible()
    expect(page.get_by_text("The service runs")).to_be_visible()
    for name in SEATS:
        one = seat(live, name)
        expect(one.locator(".mood")).to_be_visible()
        expect(one.get_by_text("Somebody speaks")).to_be_visible()
        expect(one.get_by_text("s of speech")).to_be_visible()
        expect(one.locator("canvas")).to_be_visible()
        assert one.locator(".mood").inner_text() in MOODS
        assert len(one.get_by_role("list", name="Probability of each mood now").locator("li").all()) == 7
        assert -96 < float(one.get_by_role("meter").get_attribute("value") or "nan") < 0
    page.get_by_text("How the service and the machine are").click()
    expect(page.get_by_text("p50 ").first).to_be_visible()
    expect(page.get_by_text("affectd power-log` does not run")).to_be_visible()


def test_the_chart_is_drawn_in_the_colours_of_its_moods(live: Seen) -> None:
    expect(seat(live, "driver").get_by_text("s of speech")).to_be_visible()
    canvas = seat(live, "driver").locator("canvas")
    until_s = time.monotonic() + PATIENCE_MS / 1000
    # the page's policy lets no script be made of text, and so none that waits in the page
    while len(set(canvas.evaluate(COLOURS_OF)) & WANTED) < 3:
        assert time.monotonic() < until_s
        live.page.wait_for_timeout(100)


def test_a_seat_is_switched_off_and_on_by_the_keyboard_alone(live: Seen) -> None:
    one = seat(live, "passenger")
    button = one.get_by_role("switch", name="Listening")
    expect(button).to_have_attribute("aria-checked", "true")
    for _ in range(60):
        live.page.keyboard.press("Tab")
        if button.evaluate("one => one === document.activeElement"):
            break
    expect(button).to_be_focused()
    live.page.keyboard.press("Space")
    expect(one.get_by_text("Switched off ·")).to_be_visible()
    expect(button).to_have_attribute("aria-checked", "false")
    expect(button).to_be_focused()
    live.page.keyboard.press("Enter")
    expect(button).to_have_attribute("aria-checked", "true")
    expect(one.get_by_text("Switched off ·")).to_be_hidden()


def test_a_broker_that_is_killed_is_told_and_the_page_comes_back_by_itself(world: World, live: Seen) -> None:
    expect(seat(live, "driver").locator(".mood")).to_be_visible()
    status = live.page.locator("#status")
    expect(status).to_contain_text("connected.")
    world.broker.kill()
    expect(status).to_contain_text("nothing new can come, it is tried again.")
    expect(status).to_contain_text(f"127.0.0.1:{world.broker.port}")
    world.broker.__enter__()
    expect(status).to_contain_text("connected.")
    expect(seat(live, "driver").get_by_text("Somebody speaks")).to_be_visible()


def test_a_page_whose_server_is_gone_says_so_and_comes_back(world: World, browser: Browser) -> None:
    port = free_port()
    settings = world.folder / "other.toml"
    settings.write_text(f"[broker]\nport = {world.broker.port}\n[dashboard]\nport = {port}\n")
    other = World(world.broker, f"http://127.0.0.1:{port}", world.folder)
    with running("dashboard", "--config", str(settings), folder=world.folder):
        await_page(other)
        context = browser.new_context()
        page = context.new_page()
        page.goto(other.address)
        expect(page.locator("#status")).to_contain_text("connected.")
    expect(page.locator("#status")).to_contain_text("has lost its own server")
    with running("dashboard", "--config", str(settings), folder=world.folder):
        expect(page.locator("#status")).to_contain_text("connected.")
        expect(page.get_by_role("article", name="driver", exact=True)).to_be_visible()
    context.close()


def test_what_strangers_publish_is_text_and_runs_nowhere(world: World, live: Seen) -> None:
    """Names, labels and everything else that comes over MQTT."""
    evil = {"text": HOSTILE, HOSTILE: HOSTILE}
    shares = {HOSTILE: 0.6, "constructor": 0.3, "__proto__": 0.1}
    model = {"name": HOSTILE, "sha256": "0"}
    body = {"label": HOSTILE, "probabilities": shares, "speaking": True, "level_dbfs": -20, "at": HOSTILE, "model": model}
    say(world, f"affectd/{HOSTILE}/{HOSTILE}/state", **body)
    say(world, f"affectd/{HOSTILE}/{HOSTILE}/utterance", label=HOSTILE, confidence=evil, speech=evil, latency_ms=evil)
    say(world, f"affectd/{HOSTILE}/{HOSTILE}/episode", label=HOSTILE, id=HOSTILE, phase="new", duration_s=3)
    say(world, f"affectd/{HOSTILE}/availability", status=HOSTILE)
    device = {"state": HOSTILE, "reason": HOSTILE}
    say(
        world,
        f"affectd/{HOSTILE}/health",
        sources={HOSTILE: {"device": device}},
        latency_ms=evil,
        outbox=evil,
        delivery=[HOSTILE],
    )
    say(
        world,
        f"affectd/{HOSTILE}/power",
        power={"rails_w": {HOSTILE: 3}, "total_of": HOSTILE, "total_w": 1},
        temperatures_c=evil,
    )
    for topic in ("state", "utterance", "episode"):
        say(
            world,
            f"affectd/other/seat/{topic}",
            label=[1],
            probabilities=[HOSTILE],
            speech=3,
            id={},
            level_dbfs="loud",
            model=None,
        )
    say(world, "affectd/other/health", sources=3, latency_ms=None, outbox=None, delivery=None, counters=[], refused_command="x")
    say(world, "affectd/other/power", power=None, temperatures_c=7, throttling="x", energy=None)
    one = seat(live, HOSTILE)
    expect(one.locator(".mood")).to_have_text(HOSTILE)
    expect(live.page.get_by_role("heading", name=HOSTILE, exact=True).first).to_be_visible()
    expect(live.page.get_by_role("heading", name="other", exact=True)).to_be_visible()
    expect(seat(live, "driver").get_by_text("Somebody speaks")).to_be_visible()
    assert live.page.locator("main img").count() == 0
    assert violations(live.page) == []


@pytest.mark.parametrize(("way", "scheme"), PAGES)
def test_nothing_stands_in_the_way_of_who_sees_or_hears_it_otherwise(
    world: World, browser: Browser, way: str, scheme: str
) -> None:
    """axe-core, on a phone's width, where nothing hangs out on the right."""
    await_page(world)
    with looked_at(browser, world.address + way, PHONE, scheme) as seen:
        if way == "/":
            expect(seat(seen, "driver").locator(".mood")).to_be_visible()
        assert violations(seen.page) == []
        assert seen.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_way_to_the_content_comes_first(live: Seen) -> None:
    live.page.keyboard.press("Tab")
    expect(live.page.get_by_role("link", name="To the content")).to_be_focused()
    live.page.keyboard.press("Enter")
    assert live.page.url.endswith("#content")


def test_who_has_the_token_comes_in_and_stays_in(browser: Browser, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("0123456789abcdef\n")
    with served(token_file=token) as door, looked_at(browser, f"http://{door.host}/analyse") as seen:
        page = seen.page
        assert violations(page) == []
        page.get_by_label("Token").fill("something else")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_have_text("That is not the token.")
        # the browser tells of the answer's status
        assert [line for line in seen.wrong if "403" not in line] == []
        seen.wrong.clear()
        page.get_by_label("Token").fill("0123456789abcdef")
        page.get_by_role("button", name="Enter").click()
        expect(page.locator("#status")).to_contain_text("nothing new can come")
        page.goto(f"http://{door.host}/models")
        expect(page.get_by_role("heading", name="Models")).to_be_visible()
        assert page.evaluate("document.cookie") == ""

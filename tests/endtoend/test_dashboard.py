"""The page in a real browser, beside a real broker and the real service, which hears speech."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any, Iterator

import paho.mqtt.publish as publish
import pytest
from playwright.sync_api import Browser, Route, expect

from benchmarks.browser import chromium
from daemon.demo.broker import free_port
from models.contract import LABELS
from tests.daemon import recordings
from tests.daemon.dashboard.page import served
from tests.fixtures.browser import PATIENCE_MS, PHONE, Seen, looked_at, violations
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
COLOURS_OF = """(canvas) => {
  const pixels = new Uint32Array(canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.buffer);
  return [...new Set(pixels)].map((pixel) => (pixel & 0xffffff).toString(16).padStart(6, "0"));
}"""
WANTED = {"005ed5", "42e4f0", "a779cc", "666666", "739e00", "b27200", "009fe6"}
"""The colours of anger, happiness, fear, neutral, disgust, sadness and surprise, blue first."""
expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as one:
        yield one


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


def test_a_recording_is_sent_judged_and_read(world: World, browser: Browser) -> None:
    with looked_at(browser, f"{world.address}/analyse", accept_downloads=True) as seen:
        page = seen.page
        page.get_by_label("beside it").select_option("cl-emodb")
        page.get_by_label("A recording").set_input_files(str(recordings.write(world.folder / "trip.wav", recordings.speech())))
        page.get_by_role("button", name="Judge it").click()
        heading = page.get_by_role("heading", name="trip.wav")
        expect(heading).to_be_focused()
        for model in ("affectnet", "cl-emodb"):
            answer = page.locator(".answer").filter(has=page.get_by_role("heading", name=model))
            assert answer.locator(".mood").inner_text() in MOODS
            expect(answer.get_by_text("Judged in")).to_be_visible()
        pictures = page.locator("canvas.picture")
        assert pictures.count() == 7
        for index in range(pictures.count()):
            assert len(pictures.nth(index).evaluate(COLOURS_OF)) > 8
        for feature in ("pitch_median_hz", "jitter", "shimmer", "tempo_bpm"):
            expect(page.get_by_role("cell", name=feature, exact=True)).to_be_visible()
        with page.expect_download() as sent:
            page.get_by_role("button", name="Download as JSON").click()
        assert json.loads(sent.value.path().read_text())["models"][0]["utterances"]
        with page.expect_download() as sent:
            page.get_by_role("button", name="Download as PNG").click()
        assert sent.value.suggested_filename == "trip.png"
        assert sent.value.path().read_bytes().startswith(b"\x89PNG")
        assert violations(page) == []


DROPPED = """() => {
  const carried = new DataTransfer();
  carried.items.add(new File(["no sound"], "dropped.wav"));
  return carried;
}"""


def test_a_file_that_is_none_is_told_and_another_can_be_taken(world: World, browser: Browser) -> None:
    with looked_at(browser, f"{world.address}/analyse") as seen:
        page = seen.page
        page.get_by_label("A recording").set_input_files({"name": "a.wav", "mimeType": "audio/wav", "buffer": b"\x89PNG" * 100})
        page.get_by_role("button", name="Judge it").click()
        expect(page.get_by_role("alert")).to_contain_text("a.wav: cannot be read as sound")
        page.dispatch_event("#drop", "drop", {"dataTransfer": page.evaluate_handle(DROPPED)})
        page.get_by_role("button", name="Judge it").click()
        expect(page.get_by_role("alert")).to_contain_text("dropped.wav: cannot be read as sound")
        page.get_by_label("A recording").set_input_files(
            {"name": f"{HOSTILE}.wav".replace("/", ""), "mimeType": "audio/wav", "buffer": b""}
        )
        expect(page.get_by_role("alert")).to_contain_text(f"{HOSTILE}.wav: is empty (0 bytes)")
        expect(page.get_by_role("button", name="Judge it")).to_be_disabled()


def test_who_is_quicker_than_the_list_of_models_is_answered_all_the_same(world: World, browser: Browser) -> None:
    context = browser.new_context()
    page = context.new_page()
    kept: list[Route] = []
    page.route("**/api/models", lambda route: kept.append(route))
    try:
        page.goto(f"{world.address}/analyse")
        page.get_by_role("button", name="Take the bundled recording").click()
        page.get_by_label("A recording").set_input_files({"name": "a.wav", "mimeType": "audio/wav", "buffer": b"\x89PNG" * 100})
        page.get_by_role("button", name="Judge it").click()
        for route in kept:
            route.continue_()
        expect(page.get_by_role("heading", name="cabin.flac")).to_be_visible()
    finally:
        context.close()


def test_a_long_recording_is_cancelled_and_the_bundled_one_tried_by_keyboard(world: World, browser: Browser) -> None:
    with looked_at(browser, f"{world.address}/analyse") as seen:
        page = seen.page
        page.get_by_label("A recording").set_input_files(str(world.folder / "speech.wav"))
        page.get_by_role("button", name="Judge it").click()
        expect(page.get_by_role("button", name="Cancel")).to_be_focused()
        expect(page.locator("#doing")).to_have_text("affectnet")
        page.keyboard.press("Enter")
        expect(page.locator("#told")).to_have_text("Cancelled.")
        expect(page.locator("#work")).to_be_hidden()
        page.get_by_role("button", name="Take the bundled recording").press("Enter")
        expect(page.get_by_role("heading", name="cabin.flac")).to_be_focused()


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

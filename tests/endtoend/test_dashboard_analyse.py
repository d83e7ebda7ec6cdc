"""A recording tried on the page in a real browser: judged, refused, cancelled, by the mouse and by the keyboard."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Iterator

import numpy as np
import pytest
from playwright.sync_api import Browser, FilePayload, Route, expect

from models.contract import LABELS
from tests.daemon import recordings
from tests.daemon.dashboard.page import served
from tests.fixtures.browser import COLOURS_OF, looked_at, violations

MOODS = [*LABELS, "uncertain"]
HOSTILE = "<img src=x onerror=alert(1)>"
NO_SOUND: FilePayload = {"name": "a.wav", "mimeType": "audio/wav", "buffer": b"\x89PNG" * 100}
DROPPED = """() => {
  const carried = new DataTransfer();
  carried.items.add(new File(["no sound"], "dropped.wav"));
  return carried;
}"""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with served() as door:
        yield f"http://{door.host}"


def test_a_recording_is_sent_judged_and_read(address: str, browser: Browser, tmp_path: Path) -> None:
    with looked_at(browser, f"{address}/analyse", accept_downloads=True) as seen:
        page = seen.page
        page.get_by_label("beside it").select_option("cl-emodb")
        page.get_by_label("A recording").set_input_files(str(recordings.write(tmp_path / "trip.wav", recordings.speech())))
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


def test_a_file_that_is_none_is_told_and_another_can_be_taken(address: str, browser: Browser) -> None:
    with looked_at(browser, f"{address}/analyse") as seen:
        page = seen.page
        page.get_by_label("A recording").set_input_files(NO_SOUND)
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


def test_who_is_quicker_than_the_list_of_models_is_answered_all_the_same(address: str, browser: Browser) -> None:
    with looked_at(browser, f"{address}/analyse") as seen:
        page = seen.page
        kept: list[Route] = []
        page.route("**/api/models", lambda route: kept.append(route))
        page.reload()
        page.get_by_role("button", name="Take the bundled recording").click()
        page.get_by_label("A recording").set_input_files(NO_SOUND)
        page.get_by_role("button", name="Judge it").click()
        for route in kept:
            route.continue_()
        expect(page.get_by_role("heading", name="cabin.flac")).to_be_visible()


def test_a_long_recording_is_cancelled_and_the_bundled_one_tried_by_keyboard(
    address: str, browser: Browser, tmp_path: Path
) -> None:
    with looked_at(browser, f"{address}/analyse") as seen:
        page = seen.page
        page.get_by_label("A recording").set_input_files(
            str(recordings.write(tmp_path / "long.wav", np.tile(recordings.speech(), 30)))
        )
        page.get_by_role("button", name="Judge it").click()
        expect(page.get_by_role("button", name="Cancel")).to_be_focused()
        expect(page.locator("#doing")).to_have_text("affectnet")
        page.keyboard.press("Enter")
        expect(page.locator("#told")).to_have_text("Cancelled.")
        expect(page.locator("#work")).to_be_hidden()
        page.get_by_role("button", name="Take the bundled recording").press("Enter")
        expect(page.get_by_role("heading", name="cabin.flac")).to_be_focused()

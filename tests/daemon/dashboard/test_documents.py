"""Cards and results as pages: all that they say, and no HTML but our own."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.dashboard import documents
from daemon.dashboard.documents import rendered
from models import registry
from tests.daemon.dashboard.page import Served, served

TAGS = re.compile(r"<(/?[a-zA-Z!?][^\s>/]*)")
OURS = {
    *(
        "a",
        "blockquote",
        "br",
        "code",
        "dd",
        "details",
        "div",
        "em",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "hr",
        "img",
        "li",
        "main",
    ),
    *("nav", "ol", "p", "pre", "script", "strong", "summary", "table", "tbody", "td", "th", "thead", "tr", "ul"),
}


def attributes(text: str) -> list[tuple[str, str]]:
    """Of all elements, as a browser reads them."""
    found: list[tuple[str, str]] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            found.extend((name, value or "") for name, value in attrs)

    Reader().feed(text)
    return found


@pytest.fixture(scope="module")
def page() -> Iterator[Served]:
    with served() as one:
        yield one


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "text <img src=x onerror=alert(1)> text",
        "<details onclick=alert(1)>",
        "<details><summary>a<script></summary>",
        "[a](javascript:alert(1))",
        "![a](https://evil.example/a.png)",
        "![a](pictures/../../../etc/passwd)",
        "<svg/onload=alert(1)>",
        "<!-- <script> -->",
        "| a |\n| --- |\n| <script>alert(1)</script> |",
        '![" onerror="alert(1)](pictures/a.png)',
    ],
)
def test_what_is_written_in_a_document_runs_nowhere(text: str) -> None:
    shown = rendered(text).replace(documents.SCRIPT, "")
    assert "<script" not in shown
    assert "<svg" not in shown
    assert "<!--" not in shown
    assert {name for name, _ in attributes(shown)} <= {
        "class",
        "id",
        "href",
        "src",
        "alt",
        "loading",
        "tabindex",
        "role",
        "aria-label",
    }
    for name, value in attributes(shown):
        assert name != "src" or re.fullmatch(r"/results/pictures/[a-z.]+", value)
        assert "javascript" not in value


@given(text=st.text(alphabet=st.sampled_from("<>/\"'&ab=!- \n|#[]()`*_"), max_size=60))
def test_only_our_own_elements_are_ever_made(text: str) -> None:
    found = {tag.lstrip("/").lower() for tag in TAGS.findall(rendered(text))}
    assert found <= OURS


def test_what_is_folded_stays_folded() -> None:
    shown = rendered("<details><summary>more</summary>\n\n*text*\n\n</details>")
    assert "<details><summary>more</summary>" in shown
    assert "<em>text</em>" in shown
    assert "</details>" in shown


def test_tables_can_be_scrolled_and_chapters_be_reached() -> None:
    shown = rendered("# A\n\n## One\n\n| a | b |\n| --- | --- |\n| 1 | 2 |\n\n## Two `x`\n")
    assert re.search(r'<div class="scroll" tabindex="0" role="region" aria-label="Table"><table>', shown)
    assert '<a href="#chapter-1">One</a>' in shown
    assert '<h2 id="chapter-2">Two <code>x</code></h2>' in shown


def test_the_models_are_told_with_licence_and_score(page: Served) -> None:
    text = page.ask("/models").body.decode()
    for name in registry.names():
        assert f'href="/models/{name}"' in text
    assert text.count("licence of the weights") == text.count("UAR on speakers never heard") == len(registry.names())


@pytest.mark.parametrize("name", registry.names())
def test_each_card_is_a_page(page: Served, name: str) -> None:
    text = page.ask(f"/models/{name}").body.decode()
    assert f"<h1>{name}</h1>" in text
    assert "must not be used for" in text
    assert "<table>" in text


@pytest.mark.parametrize("name", ["nothing", "..", "%2e%2e%2fsecret", "<script>"])
def test_a_model_that_is_none_is_not_looked_for(page: Served, name: str) -> None:
    answer = page.ask(f"/models/{name.replace('<', '%3C').replace('>', '%3E')}")
    assert answer.status == 404
    assert b"<script>" not in answer.body


def test_each_chapter_of_the_results_is_a_page_with_its_pictures(page: Served) -> None:
    ways = re.findall(r'<li><a href="(/results[^"]*)"', page.ask("/results").body.decode())
    assert {"/results", "/results/the-corpora", *(f"/results/paper-{number}" for number in range(1, 6))} <= set(ways)
    pictures = []
    for way in ways:
        text = page.ask(way).body.decode()
        assert f'<a href="{way}" aria-current="page">' in text
        assert text.count("<h1") == 1
        pictures += re.findall(r'<img [^>]*src="(/results/pictures/[^"]+)"[^>]*width="\d+" height="\d+"', text)
    written = re.findall(r"^!\[.*\]\(pictures/(.*)\)", documents.RESULTS.read_text(), re.MULTILINE)
    assert [picture.rpartition("/")[2] for picture in pictures] == written
    picture = page.ask(pictures[0])
    assert picture.status == 200
    assert picture.headers["content-type"] == "image/png"


def test_a_document_is_cut_at_its_chapters_and_nothing_is_lost() -> None:
    first, one, two = documents.chapters("# A\n\nx\n\n## One: `y`\n\na\n\n### deep\n\nb\n\n## Two\n")
    assert first == ("", "Results", "# A\n\nx\n\n")
    assert one == ("one", "One: `y`", "# One: `y`\n\na\n\n## deep\n\nb\n\n")
    assert two == ("two", "Two", "# Two\n")


@pytest.mark.parametrize("name", ["nothing", "..%2fRESULTS.md", "%3Cscript%3E"])
def test_a_chapter_that_is_none_is_told(page: Served, name: str) -> None:
    answer = page.ask(f"/results/{name}")
    assert answer.status == 404
    assert b"<script>" not in answer.body


def test_a_script_comes_with_a_confusion_matrix_alone() -> None:
    assert documents.SCRIPT in rendered("| true \\ said | a |\n| --- | --- |\n| a | 1 |")
    assert documents.SCRIPT not in rendered("| label | a |\n| --- | --- |\n| a | 1 |")


def test_without_the_repository_the_page_says_where_the_results_are(page: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "RESULTS", Path("/nowhere/RESULTS.md"))
    answer = page.ask("/results")
    assert answer.status == 404
    assert b"models/lab/RESULTS.md in the repository" in answer.body


@pytest.mark.parametrize(
    "way", ["/static/../serve.py", "/static/%2e%2e/serve.py", "/results/pictures/..%2fRESULTS.md", "/static/", "/recordings/x"]
)
def test_no_other_file_can_be_had(page: Served, way: str) -> None:
    answer = page.ask(way)
    assert answer.status in (404, 405)
    assert b"uvicorn" not in answer.body

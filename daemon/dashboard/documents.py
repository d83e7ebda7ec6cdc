"""The models' cards and the results, Markdown files that ship or lie in the repository, as pages."""

from __future__ import annotations

import html
import re
import struct
from functools import lru_cache
from pathlib import Path
from typing import Any, Sequence

from markdown_it import MarkdownIt
from markdown_it.token import Token
from starlette.requests import Request
from starlette.responses import Response

from daemon.dashboard.pages import Pages
from models import registry

LAB = registry.ARTEFACTS.parent / "lab"
RESULTS = LAB / "RESULTS.md"
PICTURES = LAB / "pictures"
"""These two are in the repository, and not in what is installed without it: 4 MB that no vehicle needs."""
SCRIPT = '<script type="module" src="/static/confusion.js"></script>'
FOLDED = re.compile(r"</?details>|<summary>[^<>]*</summary>|<details><summary>[^<>]*</summary>")
"""The only HTML that is let through; all else is shown as it is written."""
FACTS = re.compile(r"^\| (corpus|licence of the weights|speaker-independent)[^|]*\| ([^|]*) \|(?:$| [\d.]+ \|)", re.MULTILINE)
"""What a card tells in its tables, and who chooses wants to know; of the scores the first, the UAR."""
NAMES = {"speaker-independent": "UAR on speakers never heard, in per cent"}


class Documents:
    """GET /models, /models/NAME, /results."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    async def models(self, _request: Request) -> Response:
        """Each with what its card says first."""
        rows = "".join(_row(name) for name in registry.names())
        intro = "<h1>Models</h1><p>What ships, and what each is good and no good for. The card of each tells its scores.</p>"
        return self._pages.framed(
            f'<main id="content" class="text">{intro}<ul class="cards">{rows}</ul></main>', "Models", "/models"
        )

    async def model(self, request: Request) -> Response:
        """One card."""
        name = request.path_params["name"]
        if name not in registry.names():
            return self._pages.response("nothing", "No such model", "/models", 404, what=f"There is no model {name}.")
        return self._pages.framed(rendered(_text(_card(name))), name, "/models")

    async def results(self, _request: Request) -> Response:
        """What the papers' rows reached here."""
        if not RESULTS.is_file():
            what = "The results are not installed here: they are models/lab/RESULTS.md in the repository."
            return self._pages.response("nothing", "Results", "/results", 404, what=what)
        return self._pages.framed(rendered(_text(RESULTS)), "Results", "/results")


def _row(name: str) -> str:
    shown, default = html.escape(name), " (default)" if name == registry.DEFAULT else ""
    text = _text(_card(name))
    said = "".join(
        f"<div><dt>{NAMES.get(row, row)}</dt><dd>{html.escape(cell)}</dd></div>" for row, cell in FACTS.findall(text)
    )
    about = html.escape(_first_words(text))
    return f'<li><h2><a href="/models/{shown}">{shown}</a>{default}</h2><p>{about}</p><dl class="facts">{said}</dl></li>'


def _card(name: str) -> Path:
    return registry.ARTEFACTS / f"{name}.md"


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else f"# {path.stem}\n\nIt has no card."


def _first_words(text: str) -> str:
    """The first line that is no heading."""
    return next((line for line in text.splitlines() if line and not line.startswith("#")), "")


@lru_cache(maxsize=8)
def rendered(text: str) -> str:
    """Markdown as HTML: a list of its chapters, and the text. Any HTML in it but FOLDED is escaped."""
    markdown = _markdown()
    tokens = markdown.parse(text)
    chapters = _named(tokens)
    ways = "".join(f'<li><a href="#{anchor}">{html.escape(title)}</a></li>' for anchor, title in chapters)
    body = markdown.renderer.render(tokens, markdown.options, {})
    index = f'<nav class="chapters" aria-label="Chapters"><ul>{ways}</ul></nav>' if len(chapters) > 1 else ""
    return f'<div class="document">{index}<main id="content" class="text">{body}</main></div>\n{SCRIPT}'


def _markdown() -> MarkdownIt:
    markdown = MarkdownIt("commonmark", {"html": True}).enable("table")
    markdown.add_render_rule("html_block", _html)
    markdown.add_render_rule("html_inline", _html)
    markdown.add_render_rule(
        "table_open", lambda *_: '<div class="scroll" tabindex="0" role="region" aria-label="Table"><table>\n'
    )
    markdown.add_render_rule("table_close", lambda *_: "</table></div>\n")
    markdown.add_render_rule("image", _image)
    return markdown


def _html(_self: Any, tokens: Sequence[Token], index: int, _options: Any, _env: Any) -> str:
    written = tokens[index].content
    return written if FOLDED.fullmatch(written.strip()) else html.escape(written)


def _image(_self: Any, tokens: Sequence[Token], index: int, _options: Any, _env: Any) -> str:
    """Those of the results alone; nothing is fetched from anywhere else."""
    token = tokens[index]
    name = re.fullmatch(r"pictures/([A-Za-z0-9._-]+)", str(token.attrs.get("src", "")))
    about = html.escape(token.content)
    if not name:
        return about
    return f'<img loading="lazy" src="/results/pictures/{name[1]}" alt="{about}"{_size(PICTURES / name[1])}>'


def _size(path: Path) -> str:
    """Of a PNG, so that a page does not jump when it comes."""
    head = path.read_bytes()[:24] if path.is_file() else b""
    if len(head) < 24:
        return ""
    width, height = struct.unpack(">II", head[16:])
    return f' width="{width}" height="{height}"'


def _named(tokens: Sequence[Token]) -> list[tuple[str, str]]:
    """Give each chapter an anchor; anchors and titles."""
    chapters: list[tuple[str, str]] = []
    for token, inline in zip(tokens, tokens[1:]):
        if token.type == "heading_open" and token.tag == "h2":
            anchor = f"chapter-{len(chapters) + 1}"
            token.attrSet("id", anchor)
            chapters.append((anchor, inline.content))
    return chapters

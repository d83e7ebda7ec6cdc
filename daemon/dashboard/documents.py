"""The models' cards and the results, Markdown files that ship or lie in the repository, as pages, one a card or chapter."""

from __future__ import annotations

import html
import re
import struct
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, Sequence

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
CONFUSION = "<th>true"
"""So the heading of a confusion matrix begins, which a script shades. Other pages have none, and are painted sooner."""
SCRIPT = '<script type="module" src="/static/confusion.js"></script>'
FOLDED = re.compile(r"</?details>|<summary>[^<>]*</summary>|<details><summary>[^<>]*</summary>")
"""The only HTML that is let through; all else is shown as it is written."""
FACTS = re.compile(r"^\| (corpus|licence of the weights|speaker-independent)[^|]*\| ([^|]*) \|(?:$| [\d.]+ \|)", re.MULTILINE)
"""What a card tells in its tables, and who chooses wants to know; of the scores the first, the UAR."""
_CURRENT = ' aria-current="page"'
NAMES = {"speaker-independent": "UAR on speakers never heard, in per cent"}


class Chapter(NamedTuple):
    """A part of a document that is a page of its own."""

    name: str
    """In its address; empty: what comes before the first heading of the second order."""
    title: str
    text: str


class Documents:
    """GET /models, /models/NAME, /results, /results/CHAPTER."""

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

    async def results(self, request: Request) -> Response:
        """A chapter of what the papers' rows reached here, the first without a name."""
        if not RESULTS.is_file():
            what = "The results are not installed here: they are models/lab/RESULTS.md in the repository."
            return self._pages.response("nothing", "Results", "/results", 404, what=what)
        name, all_of_them = request.path_params.get("name", ""), chapters(_text(RESULTS))
        found = next((one for one in all_of_them if one.name == name), None)
        if found is None:
            what = f"There is no chapter {name} of the results."
            return self._pages.response("nothing", "No such chapter", "/results", 404, what=what)
        ways = tuple((f"/results/{one.name}".rstrip("/"), one.title) for one in all_of_them)
        return self._pages.framed(rendered(found.text, ways, f"/results/{name}".rstrip("/")), found.title, "/results")


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


@lru_cache(maxsize=2)
def chapters(text: str) -> tuple[Chapter, ...]:
    """What stands under each heading of the second order, and first what comes before."""
    parts = re.split(r"^(?=## )", text, flags=re.MULTILINE)
    found = [Chapter("", "Results", parts[0])]
    for part in parts[1:]:
        title, _, rest = part[3:].partition("\n")
        # a page has one heading of the first order
        risen = rest.replace("\n### ", "\n## ")
        found.append(Chapter(_name(title), title.strip(), f"# {title}\n{risen}"))
    return tuple(found)


def _name(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", title.partition(":")[0].lower()).strip("-")


@lru_cache(maxsize=32)
def rendered(text: str, ways: tuple[tuple[str, str], ...] = (), here: str = "") -> str:
    """Markdown as HTML. Any HTML in it but FOLDED is escaped.

    Beside it a list of the document's pages, `ways`: addresses and titles, of which `here` is this one; else of its chapters.
    """
    markdown = _markdown()
    tokens = markdown.parse(text)
    anchors = tuple((f"#{anchor}", title) for anchor, title in _named(tokens))
    body = markdown.renderer.render(tokens, markdown.options, {})
    index = _index(ways, here) if ways else _index(anchors) if len(anchors) > 1 else ""
    script = f"\n{SCRIPT}" if CONFUSION in body else ""
    return f'<div class="document">{index}<main id="content" class="text">{body}</main></div>{script}'


def _index(ways: tuple[tuple[str, str], ...], here: str = "") -> str:
    rows = (f'<li><a href="{way}"{_CURRENT if way == here else ""}>{html.escape(title)}</a></li>' for way, title in ways)
    return f'<nav class="chapters" aria-label="Chapters"><ul>{"".join(rows)}</ul></nav>'


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

"""Pages: a frame, and what stands in it. Every value is escaped."""

from __future__ import annotations

import html
from pathlib import Path
from string import Template

from starlette.responses import HTMLResponse

FOLDER = Path(__file__).parent / "templates"
WAYS = (("/", "Live"), ("/analyse", "Try a recording"), ("/models", "Models"), ("/results", "Results"))


class Pages:
    """Read once."""

    def __init__(self) -> None:
        self._templates = {path.stem: Template(path.read_text(encoding="utf-8")) for path in FOLDER.glob("*.html")}

    def response(self, name: str, title: str, here: str = "", status: int = 200, **values: str) -> HTMLResponse:
        """The page of that name; `here`: its own way. `values` are text."""
        escaped = {key: html.escape(value) for key, value in values.items()}
        return self.framed(self._templates[name].substitute(escaped), title, here, status)

    def framed(self, body: str, title: str, here: str = "", status: int = 200) -> HTMLResponse:
        """`body` is HTML."""
        ways = "".join(
            f'<a href="{way}"{" aria-current=" + chr(34) + "page" + chr(34) if way == here else ""}>{name}</a>'
            for way, name in WAYS
        )
        frame = self._templates["frame"].substitute(title=html.escape(title), ways=ways if here else "", body=body)
        return HTMLResponse(frame, status)

"""Pages that need nothing beside them: HTML with its pictures inside, uint8 RGB (H, W, 3) or the bytes of a PNG."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable, Sequence

import cv2

from keras_vst.frames import Pixels

JPEG_QUALITY = 88
STYLE = """body { font: 15px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 1100px; padding: 0 1em }
table { border-collapse: collapse; margin: .5em 0 1.5em } .wide { overflow-x: auto }
th, td { border-bottom: 1px solid #ddd; padding: .2em .8em .2em 0; text-align: left; vertical-align: top }
td.number { text-align: right; font-variant-numeric: tabular-nums } tr.own { font-weight: 600 }
img { max-width: 100%; display: block } figure { margin: 1em 0 } figcaption { color: #555 }
figure.small { display: inline-block; margin: 0 .6em .8em 0; max-width: 320px }
code, pre { background: #f3f3f3; padding: .1em .3em } pre { padding: .8em; overflow: auto }
.passed { color: #176d2f } .failed { color: #b3261e } .unfit { background: #b3261e; color: #fff }
.not, .aside { color: #777 } .warning { border-left: 4px solid #c60; padding-left: .8em }"""


class Markup(str):
    """Text that is HTML already and is not escaped again."""


def page(title: str, parts: Iterable[str]) -> str:
    """The whole document; empty parts are left out."""
    body = "\n".join(part for part in parts if part)
    head = f'<meta charset="utf-8"><title>{text(title)}</title><style>{STYLE}</style>'
    return f'<!doctype html>\n<html lang="en">{head}\n{body}\n</html>\n'


def text(words: object) -> Markup:
    """Anything as text of the page; Markup stays as it is."""
    return words if isinstance(words, Markup) else Markup(html.escape(str(words), quote=True))


def tag(name: str, content: object, kind: str = "", **attributes: str) -> Markup:
    """One element; `kind` is its class."""
    given = {**({"class": kind} if kind else {}), **attributes}
    told = "".join(f' {key}="{text(value)}"' for key, value in given.items())
    return Markup(f"<{name}{told}>{text(content)}</{name}>")


def table(rows: Iterable[Sequence[object]], head: Sequence[object] = ()) -> Markup:
    """Rows of cells, each text or an element `td` or `th` of its own; without rows, nothing."""
    lines = [_row(row, "td") for row in rows]
    if not lines:
        return Markup()
    return Markup(f"<table>{_row(head, 'th') if head else ''}{''.join(lines)}</table>")


def figure(picture: Pixels | bytes, caption: str, kind: str = "") -> Markup:
    """A picture with what it shows below it."""
    told = text(caption)
    image = f'<img alt="{told}" src="{embedded(picture)}">'
    return tag("figure", Markup(f"{image}<figcaption>{told}</figcaption>"), kind)


def embedded(picture: Pixels | bytes) -> str:
    """The address of a picture that is inside the page: pixels as JPEG, bytes as the PNG that they are."""
    kind, data = ("png", picture) if isinstance(picture, bytes) else ("jpeg", jpeg(picture))
    return f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"


def jpeg(picture: Pixels) -> bytes:
    """The picture as a file."""
    return cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1].tobytes()


def _row(cells: Sequence[object], kind: str) -> Markup:
    made = (
        cell if isinstance(cell, Markup) and cell.startswith(("<td", "<th")) else tag(kind, cell)
        for cell in cells
    )
    return tag("tr", Markup("".join(made)))

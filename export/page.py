"""The report as one page that needs nothing else: a table a gate, and a strip of pictures."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable

import cv2
import numpy as np
import numpy.typing as npt

from export.report import Judged, Report

PICTURE_WIDTH = 320
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 1100px; padding: 0 1em; color: #222 }
table { border-collapse: collapse; width: 100%; margin: .5em 0 2em }
th, td { border-bottom: 1px solid #ddd; padding: .3em .6em; text-align: left; vertical-align: top }
.passed { color: #176d2f } .failed { color: #b3261e; font-weight: 600 } .not, .warning { color: #777 }
figure { display: inline-block; margin: 0 .6em .8em 0 } figcaption { font-size: 13px; color: #555 }
img { max-width: 100%; display: block }
"""


def render(report: Report, frame: npt.NDArray[np.uint8] | None, keras: npt.NDArray[np.uint8] | None) -> str:
    """The page; `frame` and `keras` are what the camera gave and the Keras network made of it."""
    verdict = "passed" if report.passed else "failed"
    parts = [
        "<!doctype html><html lang='en'><meta charset='utf-8'>",
        f"<title>{html.escape(report.name)}: export</title><style>{_STYLE}</style>",
        f"<h1>{html.escape(report.name)}: the gate is <span class='{verdict}'>{verdict}</span></h1>",
        f"<p>{report.parameters:,} parameters, judged on {html.escape(report.clip)}.</p>",
        _overview(report.judged),
        *(_failure_list(report)),
        "<h2>Pictures</h2><p>Differences to the Keras network are enlarged eight times.</p>",
        *_strip(report.judged, frame, keras),
        *(_gate(gate, report.judged) for gate in _gates(report.judged)),
    ]
    return "\n".join(parts) + "\n"


def _overview(judged: Iterable[Judged]) -> str:
    rows = (
        f"<tr><td>{_text(each.key)}</td><td>{_text(each.file)}</td><td>{f'{each.bytes:,}' if each.bytes else ''}</td>"
        f"{_outcome('passed' if each.passed else 'failed')}</tr>"
        for each in judged
    )
    head = "<tr><th>artifact</th><th>file</th><th>bytes</th><th></th></tr>"
    return f"<table>{head}{''.join(rows)}</table>"


def _failure_list(report: Report) -> list[str]:
    failures = report.failures()
    if not failures:
        return []
    items = "".join(f"<li>{_text(failure)}</li>" for failure in failures)
    return [f"<h2>What failed, and what to do</h2><ul class='failed'>{items}</ul>"]


def _gates(judged: Iterable[Judged]) -> list[str]:
    return list(dict.fromkeys(check.gate for each in judged for check in each.checks))


def _gate(gate: str, judged: Iterable[Judged]) -> str:
    rows = []
    for each in judged:
        for check in (one for one in each.checks if one.gate == gate):
            measured = ", ".join(f"{name} {value:g}" for name, value in check.measured.items())
            rows.append(
                f"<tr><td>{_text(each.key)}</td><td>{_text(check.name)}</td><td>{_text(measured)}</td>"
                f"<td>{_text(check.limit)}</td>{_outcome(check.outcome)}<td>{_text(check.message)}</td></tr>"
            )
    head = "<tr><th>artifact</th><th>of</th><th>measured</th><th>limit</th><th></th><th></th></tr>"
    return f"<h2>{_text(gate.capitalize())}</h2><table>{head}{''.join(rows)}</table>"


def _strip(
    judged: Iterable[Judged], frame: npt.NDArray[np.uint8] | None, keras: npt.NDArray[np.uint8] | None
) -> list[str]:
    named = [("frame", frame), ("Keras", keras)]
    for each in judged:
        named += [(each.key, each.picture), (f"{each.key}, difference x 8", each.difference)]
    return [_figure(name, picture) for name, picture in named if picture is not None]


def _figure(name: str, picture: npt.NDArray[np.uint8]) -> str:
    height, width = picture.shape[:2]
    if width > PICTURE_WIDTH:
        size = PICTURE_WIDTH, round(height * PICTURE_WIDTH / width)
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA).astype(np.uint8)
    _, data = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])
    code = base64.b64encode(data.tobytes()).decode()
    image = f"<img alt='{_text(name)}' src='data:image/jpeg;base64,{code}'>"
    return f"<figure>{image}<figcaption>{_text(name)}</figcaption></figure>"


def _outcome(word: str) -> str:
    return f"<td class='{word.split()[0]}'>{word}</td>"


def _text(words: str) -> str:
    return html.escape(words, quote=True)

"""The score-card as one page that needs nothing beside it."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence

from keras_vst.frames import Pixels
from training.evaluation import pictures, plots
from training.evaluation.cards import NETWORK, Card, Row
from training.evaluation.measures import MEASURES

_STYLE = """body { font: 15px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 1280px; padding: 0 1em }
img { max-width: 100%; display: block } figure { margin: 1em 0 } figcaption { color: #555 }
table { border-collapse: collapse; margin: .5em 0 1.5em } .wide { overflow-x: auto }
th, td { border-bottom: 1px solid #ddd; padding: .2em .7em .2em 0; text-align: left; vertical-align: top }
td.number { text-align: right; font-variant-numeric: tabular-nums } tr.own { background: #f2f6ff; font-weight: 600 }
.passed { color: #176d2f } .failed { color: #b3261e; font-weight: 600 }
code { background: #f3f3f3; padding: .1em .3em }"""


def render(cards: Sequence[Card], photos: Sequence[Pixels], told: Mapping[str, str]) -> str:
    """The page; `told` says what was measured on what."""
    parts = [
        '<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>Score-card</title>',
        f"<style>{_STYLE}</style><h1>Score-card</h1>",
        _facts(told),
        *(part for card in cards for part in _network(card, photos)),
        "<h2>Plots</h2><p>Dashed: the bars. A control that is low on one axis alone shows how cheap that is.</p>",
        _plot(plots.style_against_flicker(cards), "Style against flicker, a point for each style and row"),
        _plot(plots.quality_against_time(cards), "Style against time, a point for each network"),
        _legend(),
    ]
    return "\n".join(part for part in parts if part) + "\n</html>\n"


def _facts(told: Mapping[str, str]) -> str:
    lines = (
        f"<tr><th>{_text(name)}</th><td>{_text(value)}</td></tr>" for name, value in told.items() if value
    )
    return f"<table>{''.join(lines)}</table>"


def _network(card: Card, photos: Sequence[Pixels]) -> Iterable[str]:
    size = "" if card.bytes is None else f", {card.bytes / 1e6:.2f} MB"
    rounded = f"; int8 {card.rounded['bytes'] / 1e6:.2f} MB" if card.rounded else ""
    yield f"<h2>{_text(card.name)}</h2><p><code>{_text(card.file)}</code>{size}{rounded}</p>"
    yield _bars(card)
    if card.milliseconds:
        times = ", ".join(f"{_text(name)} {value:.1f} ms" for name, value in card.milliseconds.items())
        yield f"<p>A frame at 640x360 takes: {times}. On a busy machine only the ratios count.</p>"
    plural = f"Median over {len(card.styles)} styles" if len(card.styles) > 1 else card.styles[0].name
    yield f"<h3>{_text(plural)}</h3>{_table(card.medians())}"
    yield _figure(
        pictures.sheet(photos, [style.tiles for style in card.styles]),
        f"Photos above, then {', '.join(style.name for style in card.styles)}.",
    )
    for style in card.styles:
        if len(card.styles) > 1:
            yield f"<h3>{_text(style.name)}</h3>{_table(style.rows)}"
        if style.strip is not None:
            told = "three frames in a row, three times enlarged; as painted; what changed but for the motion, times 4."
            yield _figure(style.strip, f"{style.name}: {told}")


def _bars(card: Card) -> str:
    lines = (
        f"<tr><td>{_text(bar.title)}</td><td class='number'>{bar.value:.3g}</td><td>{_text(bar.limit)}</td>"
        f"<td class='{_word(bar.passed)}'>{_word(bar.passed)}</td></tr>"
        for bar in card.bars()
    )
    head = "<tr><th>bar</th><th>median</th><th>limit</th><th></th></tr>"
    return f"<table>{head}{''.join(lines)}</table>"


def _table(rows: Mapping[str, Row]) -> str:
    columns = [key for key in MEASURES if any(key in row for row in rows.values())]
    head = "".join(
        f"<th title='{_text(MEASURES[key].told)}'>{_text(MEASURES[key].title)}</th>" for key in columns
    )
    lines = "".join(
        f"<tr{' class=own' if name == NETWORK else ''}><td>{_text(name)}</td>"
        f"{''.join(_cell(row, key) for key in columns)}</tr>"
        for name, row in rows.items()
    )
    return f"<div class='wide'><table><tr><th></th>{head}</tr>{lines}</table></div>"


def _cell(row: Row, key: str) -> str:
    shown = f"{row[key]:.{MEASURES[key].digits}f}" if key in row else ""
    return f"<td class='number'>{shown}</td>"


def _legend() -> str:
    lines = "".join(
        f"<tr><th>{_text(measure.title)}</th><td>{_text(measure.told)}</td></tr>"
        for measure in MEASURES.values()
    )
    note = (
        "Lower is better but for SSIM. Read style, content and warp together: a weak style flickers little."
    )
    return f"<h2>Columns</h2><p>{note}</p><table>{lines}</table>"


def _plot(png: bytes | None, caption: str) -> str:
    return "" if png is None else _image(pictures.embedded("png", png), caption)


def _figure(picture: Pixels, caption: str) -> str:
    return _image(pictures.embedded("jpeg", pictures.jpeg(picture)), caption)


def _image(address: str, caption: str) -> str:
    told = _text(caption)
    return f"<figure><img alt='{told}' src='{address}'><figcaption>{told}</figcaption></figure>"


def _word(passed: bool) -> str:
    return "passed" if passed else "failed"


def _text(words: str) -> str:
    return html.escape(words, quote=True)

"""The score-card as one page that needs nothing beside it."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence

from keras_vst.frames import Pixels
from training.evaluation import pictures, plots
from training.evaluation.cards import NETWORK, Bar, Card, bars_of, medians
from training.evaluation.measures import MEASURES, Row

_STYLE = """body { font: 15px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 1280px; padding: 0 1em }
img { max-width: 100%; display: block } figure { margin: 1em 0 } figcaption { color: #555 }
table { border-collapse: collapse; margin: .5em 0 1.5em } .wide { overflow-x: auto }
th, td { border-bottom: 1px solid #ddd; padding: .2em .7em .2em 0; text-align: left; vertical-align: top }
td.number { text-align: right; font-variant-numeric: tabular-nums } tr.own { font-weight: 600 }
.passed { color: #176d2f } .failed { color: #b3261e } .unfit { background: #b3261e; color: #fff }
code { background: #f3f3f3; padding: .1em .3em }"""


def render(cards: Sequence[Card], photos: Sequence[Pixels], told: Mapping[str, str]) -> str:
    """The page; `told` says what was measured on what."""
    parts = [
        '<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>Score-card</title>',
        f"<style>{_STYLE}</style><h1>Score-card</h1>",
        _overview(cards),
        _facts(told),
        _legend(),
        *(part for card in cards for part in _network(card, photos)),
        _plot(plots.texture_against_flicker(cards)),
    ]
    return "\n".join(part for part in parts if part) + "\n</html>\n"


def _overview(cards: Sequence[Card]) -> str:
    """All networks and their median, each number against its floor."""
    rows = {card.name: card.rows[NETWORK] for card in cards}
    if len(cards) > 1:
        rows = {"median": medians(cards), **rows}
    limits = [
        {key: limit for key, each in MEASURES.items() if (limit := getattr(each, kind)) is not None}
        for kind in ("floor", "aim")
    ]
    return _table({**rows, "floor": limits[0], "aim": limits[1]}, judged=set(rows))


def _facts(told: Mapping[str, str]) -> str:
    lines = (
        f"<tr><th>{_text(name)}</th><td>{_text(value)}</td></tr>" for name, value in told.items() if value
    )
    return f"<table>{''.join(lines)}</table>"


def _network(card: Card, photos: Sequence[Pixels]) -> Iterable[str]:
    size = "" if card.bytes is None else f", {card.bytes / 1e6:.2f} MB"
    rounded = f"; int8 {card.rounded['bytes'] / 1e6:.2f} MB" if card.rounded else ""
    yield f"<h2>{_text(card.name)}</h2><p><code>{_text(card.file)}</code>{size}{rounded}</p>"
    yield _table(card.rows, judged={NETWORK})
    yield _bars(card)
    if card.milliseconds:
        times = ", ".join(f"{_text(name)} {value:.1f} ms" for name, value in card.milliseconds.items())
        yield f"<p>A frame at 640x360 takes: {times}. On a busy machine only the ratios count.</p>"
    yield _figure(pictures.sheet(photos, [card.tiles]), "Photos, and as painted.")
    if card.strip is not None:
        told = "Three frames in a row, three times enlarged; as painted; what changed but for the motion, times 4."
        yield _figure(card.strip, told)


def _bars(card: Card) -> str:
    """Those that are no column."""
    titles = {measure.title for measure in MEASURES.values()}
    lines = "".join(
        f"<tr><td>{_text(bar.title)}</td><td class='number'>{bar.value:.3g}</td><td>{_text(bar.limit)}</td>"
        f"<td class='{_word(bar)}'>{_word(bar)}</td></tr>"
        for bar in card.bars()
        if bar.title not in titles
    )
    return f"<table>{lines}</table>" if lines else ""


def _table(rows: Mapping[str, Row], judged: set[str]) -> str:
    columns = [key for key in MEASURES if any(key in rows[row] for row in judged)]
    head = "".join(
        f"<th title='{_text(MEASURES[key].told)}'>{_text(MEASURES[key].title)}</th>" for key in columns
    )
    lines = "".join(
        f"<tr{' class=own' if name in judged else ''}><td>{_text(name)}</td>"
        f"{''.join(_cell(row, key, name in judged) for key in columns)}</tr>"
        for name, row in rows.items()
    )
    return f"<div class='wide'><table><tr><th></th>{head}</tr>{lines}</table></div>"


def _cell(row: Row, key: str, judged: bool) -> str:
    shown = f"{row[key]:.{MEASURES[key].digits}f}" if key in row else ""
    words = [_word(bar) for bar in bars_of({key: row[key]})] if judged and key in row else []
    return f"<td class='number {' '.join(words)}'>{shown}</td>"


def _legend() -> str:
    lines = "".join(
        f"<tr><th>{_text(measure.title)}</th><td>{_text(measure.told)}</td>"
        f"<td>{'more' if measure.more else 'less'} is better</td></tr>"
        for measure in MEASURES.values()
    )
    note = (
        "Medians over photos and clips; colours are counted over all photos together. Green reaches the floor, red "
        "does not, white on red is not even half as good, which no network of the zoo may be. Read palette, texture, "
        "content and steady together: each alone is easily had, as the controls show. Look, do not only count."
    )
    return f"<details><summary>What the columns are</summary><p>{note}</p><table>{lines}</table></details>"


def _plot(png: bytes | None) -> str:
    caption = "Texture against steadiness, a point for each row of each network; dashed: the floors."
    return "" if png is None else _image(pictures.embedded("png", png), caption)


def _figure(picture: Pixels, caption: str) -> str:
    return _image(pictures.embedded("jpeg", pictures.jpeg(picture)), caption)


def _image(address: str, caption: str) -> str:
    told = _text(caption)
    return f"<figure><img alt='{told}' src='{address}'><figcaption>{told}</figcaption></figure>"


def _word(bar: Bar) -> str:
    return "passed" if bar.passed else "unfit" if bar.unfit else "failed"


def _text(words: str) -> str:
    return html.escape(words, quote=True)

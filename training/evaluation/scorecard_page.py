"""The score-card as one page that needs nothing beside it, and its pictures as files of their own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from keras_vst.frames import Pixels
from keras_vst.page import Markup, figure, jpeg, page, table, tag
from training.evaluation.measures import MEASURES, Bar, Row
from training.evaluation.scorecard import NETWORK, Card, medians
from training.evaluation.scorecard_pictures import plot, sheet

NOTE = (
    "Medians over photos and clips; colours are counted over all photos together. Green reaches the floor, red does "
    "not, white on red is not even half as good, which no network of the zoo may be. Read palette, texture, content "
    "and steady together: each alone is easily had, as the controls show. Look, do not only count."
)
STRIP = "Three frames in a row, three times enlarged; as painted; what changed but for the motion, times 4."
PLOT = "Texture against steadiness, a point for each row of each network; dashed: the floors."


def render(cards: Sequence[Card], photos: Sequence[Pixels], told: Mapping[str, str]) -> str:
    """The page; `told` says what was measured on what."""
    plotted = plot([card.rows for card in cards])
    facts = table([tag("th", name), value] for name, value in told.items() if value)
    networks = [part for card in cards for part in _network(card, photos)]
    last = [figure(plotted, PLOT)] if plotted else []
    return page("Score-card", [tag("h1", "Score-card"), _overview(cards), facts, _legend(), *networks, *last])


def files(cards: Sequence[Card], photos: Sequence[Pixels]) -> Iterator[tuple[str, bytes]]:
    """Name and content of each: a contact sheet and a strip for each network, and the plot."""
    for card in cards:
        name = re.sub(r"[^\w-]+", "-", card.name).strip("-") or "unnamed"
        yield f"{name}.jpg", jpeg(sheet(photos, card.tiles))
        if card.strip is not None:
            yield f"{name}_strip.jpg", jpeg(card.strip)
    if plotted := plot([card.rows for card in cards]):
        yield "texture_and_flicker.png", plotted


def _overview(cards: Sequence[Card]) -> Markup:
    """All networks and their median, each number against its floor."""
    rows = {card.name: card.rows[NETWORK] for card in cards}
    if len(cards) > 1:
        rows = {"median": medians(cards), **rows}
    floors = {key: each.floor for key, each in MEASURES.items() if each.floor is not None}
    aims = {key: each.aim for key, each in MEASURES.items() if each.aim is not None}
    return _measured({**rows, "floor": floors, "aim": aims}, judged=set(rows))


def _network(card: Card, photos: Sequence[Pixels]) -> Iterable[Markup]:
    size = "" if card.bytes is None else f", {card.bytes / 1e6:.2f} MB"
    rounded = f"; int8 {card.rounded['bytes'] / 1e6:.2f} MB" if card.rounded else ""
    yield tag("h2", card.name)
    yield tag("p", Markup(tag("code", card.file) + size + rounded))
    yield _measured(card.rows, judged={NETWORK})
    columns = {each.title for each in MEASURES.values()}
    yield table(
        [bar.title, tag("td", f"{bar.value:.3g}", "number"), bar.limit, tag("td", _word(bar), _word(bar))]
        for bar in card.bars()
        if bar.title not in columns
    )
    if card.milliseconds:
        times = ", ".join(f"{name} {value:.1f} ms" for name, value in card.milliseconds.items())
        yield tag("p", f"A frame at 640x360 takes: {times}. On a busy machine only the ratios count.")
    yield figure(sheet(photos, card.tiles), "Photos, and as painted.")
    if card.strip is not None:
        yield figure(card.strip, STRIP)


def _measured(rows: Mapping[str, Row], judged: set[str]) -> Markup:
    columns = [key for key in MEASURES if any(key in rows[row] for row in judged)]
    head = ["", *(tag("th", MEASURES[key].title, title=MEASURES[key].told) for key in columns)]
    shown = table(
        [
            [tag("th", name), *(_cell(row, key, name in judged) for key in columns)]
            for name, row in rows.items()
        ],
        head,
    )
    return tag("div", shown, "wide")


def _cell(row: Row, key: str, judged: bool) -> Markup:
    measure = MEASURES[key]
    if key not in row:
        return tag("td", "")
    word = f" {_word(measure.bar(row[key]))}" if judged and measure.floor is not None else ""
    return tag("td", f"{row[key]:.{measure.digits}f}", f"number{word}")


def _legend() -> Markup:
    lines = [
        [tag("th", each.title), each.told, f"{'more' if each.more else 'less'} is better"]
        for each in MEASURES.values()
    ]
    summary = tag("summary", "What the columns are")
    return tag("details", Markup(summary + tag("p", NOTE) + table(lines)))


def _word(bar: Bar) -> str:
    return "passed" if bar.passed else "unfit" if bar.unfit else "failed"

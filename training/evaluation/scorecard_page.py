"""The score-card as one page that needs nothing beside it, and its pictures as files of their own."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from keras_vst.frames import Pixels
from keras_vst.page import Markup, figure, jpeg, page, table, tag
from training.evaluation.measures import MEASURES, Bar, Row
from training.evaluation.scorecard import NETWORK, NUM_PHOTOS, Card, medians, tile

NOTE = (
    "Medians over photos and clips; colours are counted over all photos together. Green reaches the floor, red does "
    "not, white on red is not even half as good, which no network of the zoo may be. Read palette, texture, content "
    "and steady together: each alone is easily had, as the controls show. Look, do not only count."
)
STRIP = "Three frames in a row, three times enlarged; as painted; what changed but for the motion, times 4."
PLOT = "Texture against steadiness, a point for each row of each network; dashed: the floors."
MARKS = ("o", "x", "+", "s", "d", "^", "v")  # of the plot, one a row: network, controls, peers
ACROSS, UP = "texture", "steady"
HIGHEST = 0.1  # three floors; what has no contrast lies far above


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


def sheet(photos: Sequence[Pixels], painted: Sequence[Pixels]) -> Pixels:
    """The photos above, below them what was painted of them."""
    first = [tile(photo) for photo in photos[:NUM_PHOTOS]]
    return np.concatenate([np.concatenate(list(row), axis=1) for row in (first, painted)])


def plot(cards: Sequence[Mapping[str, Row]]) -> bytes | None:
    """Texture against steadiness as PNG, a point for each row of each network: down and left is better."""
    points = [
        (name, row[ACROSS], row[UP])
        for rows in cards
        for name, row in rows.items()
        if ACROSS in row and UP in row
    ]
    if not points:
        return None
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # half a second to import
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4), dpi=110)
    FigureCanvasAgg(figure)
    figure.subplots_adjust(0.13, 0.13, 0.97, 0.97)  # a layout engine takes seconds
    axes = figure.add_subplot(xlabel=MEASURES[ACROSS].title, ylabel=MEASURES[UP].title, ylim=(0, HIGHEST))
    for index, row in enumerate(dict.fromkeys(name for name, _, _ in points)):
        own = [(x, y) for name, x, y in points if name == row]
        axes.scatter(*zip(*own, strict=True), marker=MARKS[index % len(MARKS)], label=row, s=36)
    for line, key in ((axes.axvline, ACROSS), (axes.axhline, UP)):
        line(MEASURES[key].floor or 0.0, color="grey", linewidth=0.8, linestyle="--")
    axes.grid(alpha=0.2)
    axes.legend(fontsize=7)
    data = io.BytesIO()
    figure.savefig(data, format="png")
    return data.getvalue()

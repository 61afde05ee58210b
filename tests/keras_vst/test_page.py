import base64
import re

import cv2
import numpy as np

from keras_vst.page import Markup, embedded, figure, jpeg, page, table, tag, text
from tests.conftest import draw_picture

NASTY = "<script>alert('\"&')</script>"
ESCAPED = "&lt;script&gt;alert(&#x27;&quot;&amp;&#x27;)&lt;/script&gt;"


def test_words_are_escaped_wherever_they_stand():
    assert text(NASTY) == ESCAPED
    assert tag("p", NASTY, kind=NASTY, title=NASTY) == (
        f'<p class="{ESCAPED}" title="{ESCAPED}">{ESCAPED}</p>'
    )
    assert NASTY not in page(NASTY, [tag("h1", NASTY), table([[NASTY]], [NASTY]), figure(b"", NASTY)])


def test_markup_is_not_escaped_again_and_joined_to_words_it_is_words():
    bold = tag("b", 3)
    assert isinstance(bold, Markup)
    assert tag("p", bold) == "<p><b>3</b></p>"
    assert text(bold + "<") == "&lt;b&gt;3&lt;/b&gt;&lt;"


def test_a_table_takes_words_and_cells_and_without_rows_is_nothing():
    found = table([["a", tag("td", 1, "number")], [tag("th", "b"), ""]], ["name", tag("th", "value")])
    assert found == (
        "<table><tr><th>name</th><th>value</th></tr>"
        '<tr><td>a</td><td class="number">1</td></tr><tr><th>b</th><td></td></tr></table>'
    )
    assert table([], ["name"]) == ""


def test_a_page_is_whole_and_leaves_out_what_is_empty():
    found = page("Report", [tag("h1", "Report"), Markup(), tag("p", "done")])
    assert found.startswith('<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>Report</title>')
    assert found.endswith("<h1>Report</h1>\n<p>done</p>\n</html>\n")


def test_pictures_are_inside_the_page_pixels_as_jpeg_and_bytes_as_the_png_that_they_are():
    picture = draw_picture(1)
    shown = figure(picture, "a picture", "small")
    (kind, data) = re.search(r'src="data:image/(\w+);base64,([^"]+)"', shown).groups()
    decoded = cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    assert kind == "jpeg"
    assert base64.b64decode(data) == jpeg(picture)
    assert np.abs(decoded.astype(int) - picture).mean() < 6
    assert embedded(b"png") == "data:image/png;base64," + base64.b64encode(b"png").decode()
    assert shown.startswith('<figure class="small"><img alt="a picture" src=')
    assert shown.endswith("<figcaption>a picture</figcaption></figure>")

"""That the ablation's rows and strips are told as they were found."""

import numpy as np
import pytest

from benchmarks import ablation
from keras_vst.config import with_overrides
from keras_vst.video.pictures import read_picture, write_picture
from training.evaluation.scorecard_pictures import TILE_HEIGHT
from training.recipes import RECIPES
from training.terms import completed


@pytest.mark.parametrize("name", list(ablation.CHOICES))
def test_every_choice_is_a_configuration_of_its_own(name):
    settings = list(ablation.CHOICES[name])
    recipe = ablation.COLLECTION if ablation.COLLECTION in settings else "painting"
    config = completed(with_overrides(RECIPES[recipe], [each for each in settings if "=" in each]))
    assert (config == completed(RECIPES["painting"])) == (name == ablation.RECIPE)


def test_the_table_names_each_choice_its_minutes_and_its_numbers():
    row = {"choice": "plain", "minutes": 3.14, "palette": 0.25, "contrast": 0.9, "steady": 0.03}
    lines = ablation.table([row, {**row, "choice": "other"}]).splitlines()
    assert lines[0] == "| | minutes | palette | contrast | steady |"
    assert lines[2] == "| plain | 3.1 | 0.250 | 0.90 | 0.0300 |"
    assert lines[3].startswith("| other |")


def test_the_sheet_shows_the_photos_once_and_each_painting_under_its_name(tmp_path):
    colours = {"red": (200, 0, 0), "blue": (0, 0, 200)}
    for name, colour in colours.items():
        photo = np.full((TILE_HEIGHT, 400, 3), 90, np.uint8)
        write_picture(tmp_path / f"{name}.png", np.concatenate([photo, np.full_like(photo, colour)]))
    ablation.draw_sheet(tmp_path / "sheet.png", {name: tmp_path / f"{name}.png" for name in colours})
    sheet = read_picture(tmp_path / "sheet.png")
    assert len(sheet) == 3 * TILE_HEIGHT + 2 * ablation.CAPTION
    assert [tuple(sheet[row, 5]) for row in (10, TILE_HEIGHT + 100, len(sheet) - 10)] == [
        (90, 90, 90),
        *colours.values(),
    ]

"""That the ablation's rows and strips are told as they were found."""

import numpy as np
import pytest

from benchmarks import ablation
from keras_vst.config import RECIPES, with_overrides
from keras_vst.video.pictures import read_picture, write_picture


@pytest.mark.parametrize("name", list(ablation.CHOICES))
def test_every_choice_is_a_configuration_of_its_own(name):
    settings = list(ablation.CHOICES[name])
    recipe = "collection" if "collection" in settings else "painting"
    common = [*ablation.BUDGET, ablation.STEPS]
    config = with_overrides(RECIPES[recipe], [*common, *(each for each in settings if "=" in each)])
    assert (config == with_overrides(RECIPES["painting"], common)) == (name == "plain")


def test_the_table_names_each_choice_and_its_numbers():
    row = {"choice": "plain", **{name: 0.1 * place for place, name in enumerate(ablation.COLUMNS)}}
    lines = ablation.table([row, {**row, "choice": "other"}]).splitlines()
    assert lines[0].startswith("| | style | content |")
    assert lines[2].startswith("| plain | 0.000 | 0.100 | 0.200 |")
    assert lines[3].startswith("| other |")


def test_the_sheet_shows_the_photos_once_and_each_painting_under_its_name(tmp_path):
    colours = {"red": (200, 0, 0), "blue": (0, 0, 200)}
    for name, colour in colours.items():
        photo = np.full((ablation.STRIP_HEIGHT, 400, 3), 90, np.uint8)
        write_picture(tmp_path / f"{name}.png", np.concatenate([photo, np.full_like(photo, colour)]))
    ablation.draw_sheet(tmp_path / "sheet.png", {name: tmp_path / f"{name}.png" for name in colours})
    sheet = read_picture(tmp_path / "sheet.png")
    areas = [int((sheet == shade).all(axis=2).sum()) for shade in [(90, 90, 90), *colours.values()]]
    assert min(areas) > 0
    assert max(areas) - min(areas) < 50  # letters have shades of grey

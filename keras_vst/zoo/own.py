"""The user's own styles removed and renamed; those that come with the package stay as they are."""

from __future__ import annotations

import json
import shutil

from keras_vst import zoo
from keras_vst.errors import UserError
from keras_vst.files import atomic, disk_errors
from keras_vst.zoo import Style
from keras_vst.zoo.card_file import CARD, is_name


def own_style(name: str) -> Style:
    """The user's style of that name, or a UserError."""
    style = zoo.find_style(name)
    if not style.own:
        raise UserError(f"{name} comes with the package and stays; only styles of your own can be changed.")
    return style


def remove(name: str) -> None:
    """Delete a style of the user's own."""
    folder = own_style(name).path.parent
    with disk_errors(folder):
        shutil.rmtree(folder)


def check_free(name: str) -> None:
    """Refuse a name that cannot be given to another style."""
    if not is_name(name):
        raise UserError(f"a style cannot be called {name!r}; use letters, digits, `-`, `_` and `.`.")
    if (zoo.ROOT / name).exists() or (zoo.own_root() / name).exists():
        raise UserError(f"there is a style {name} already; choose another name, or remove that first.")


def rename(name: str, new: str) -> Style:
    """Give a style of the user's own another name: its folder and what its card says; its files stay as they are."""
    folder = own_style(name).path.parent
    check_free(new)
    with atomic(folder.parent / new, folder=True) as made:
        with disk_errors(made):
            shutil.copytree(folder, made, dirs_exist_ok=True)
        card = json.loads((made / CARD).read_text(encoding="utf-8"))
        told = {"name": new} | ({"title": new} if card["title"] == name else {})
        text = json.dumps({**card, **told}, indent=1, ensure_ascii=False)
        (made / CARD).write_text(text + "\n", encoding="utf-8")
    with disk_errors(folder):
        shutil.rmtree(folder)
    return zoo.find_style(new)

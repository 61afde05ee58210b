"""Where a run takes its first weights from: another run, a file of weights, or one style of a run of several."""

from __future__ import annotations

import re
from pathlib import Path

import keras

from keras_vst.errors import UserError
from keras_vst.models.student import build_student
from keras_vst.runs import RunDirectory, read_weights


def take_weights(network: keras.Model, origin: str) -> None:
    """Give the network the weights of `RUN`, `FILE.weights.h5`, or those of `RUN:2`, a run's second style alone."""
    try:
        if one := re.fullmatch(r"(.+):(\d+)", origin):
            _take_style(network, RunDirectory(one[1]), int(one[2]))
        else:
            path = Path(origin)
            read_weights(network, RunDirectory(path).network_file(network.name) if path.is_dir() else path)
    except (OSError, ValueError) as error:
        raise UserError(
            f"--init {origin} does not fit: {str(error).splitlines()[0]} "
            f"It must be a run with the same {network.name}.* settings, or its {network.name}.weights.h5; "
            "RUN:2 takes the second style of a run of several."
        ) from error


def _take_style(network: keras.Model, run: RunDirectory, number: int) -> None:
    """The layers are the same; where weights hold a row a style, one row is taken."""
    several = build_student(run.config().student)
    run.load_network(several)
    styles = several.input["style"].shape[-1]
    if not 1 <= number <= styles:
        raise ValueError(f"{run.path} has the styles 1 to {styles}.")
    if (ours := network.input["style"].shape[-1]) != 1:
        raise ValueError(f"One style begins a network of one style, not of {ours}.")
    if len(network.layers) != len(several.layers):
        raise ValueError(
            f"{run.path} is another network: {len(several.layers)} layers, not {len(network.layers)}."
        )
    for own_layer, theirs in zip(network.layers, several.layers, strict=True):
        kept = zip(theirs.get_weights(), own_layer.get_weights(), strict=True)
        own_layer.set_weights([
            all_rows if all_rows.shape == own.shape else all_rows[number - 1 : number] for all_rows, own in kept
        ])  # fmt: skip

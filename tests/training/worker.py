"""`python -m tests.training.worker WEIGHTS LOGICAL_DEVICES WORDS...`: training.fit as one of several devices.

Writes every weight of the trainer to WEIGHTS (.npz) when it is over; VGG16 is that of runs.py.
"""

from __future__ import annotations

import sys

import numpy as np
import tensorflow as tf

from tests.training.runs import tiny_vgg16
from training import fit, loop


def main(weights: str, devices: str, *words: str) -> int:
    if int(devices) > 1:
        (machine,) = tf.config.list_physical_devices("CPU")
        halves = [tf.config.LogicalDeviceConfiguration() for _ in range(int(devices))]
        tf.config.set_logical_device_configuration(machine, halves)
    loop.load_vgg16 = tiny_vgg16
    fit.LOG_EVERY, fit.SAVE_EVERY = 1, 2.0
    train = loop.Session.train

    def train_and_dump(self, *arguments, **options):
        finished = train(self, *arguments, **options)
        np.savez(weights, *self.trainer.get_weights())
        return finished

    loop.Session.train = train_and_dump
    return fit.main(list(words))


if __name__ == "__main__":
    fit.leave(main(*sys.argv[1:]))

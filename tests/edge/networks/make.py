"""Writes the tiny networks beside it, with which tests of the edge need no TensorFlow.

Run as python -m tests.edge.networks.make.
"""

from pathlib import Path

from tests.keras_vst.networks.networks import NEGATIVE, SAME, film_network, foreign_network, linear_network

if __name__ == "__main__":
    folder = Path(__file__).parent
    linear_network(folder / "negative.tflite", *NEGATIVE)
    linear_network(folder / "same.tflite", *SAME)
    linear_network(folder / "fixed.tflite", *NEGATIVE, size=(64, 96))
    film_network(folder / "film.tflite")
    film_network(folder / "noisy.tflite", noise_channels=2)
    foreign_network(folder / "foreign.tflite")

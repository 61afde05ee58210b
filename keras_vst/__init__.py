"""Small networks that repaint live video in a painting's style, steadily and fast."""

__version__ = "0.1.0"

"""Training: `python -m training.fit` makes a network of one's own from one picture."""

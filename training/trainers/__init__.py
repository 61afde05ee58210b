"""The training steps, one way to learn in each file."""

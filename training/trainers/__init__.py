"""The training steps: one class for each way to learn."""

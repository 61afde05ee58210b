"""Runs the networks: files and pictures in, repainted ones out, with no TensorFlow anywhere."""

STOPPED = "stopped; nothing unfinished was left behind."  # what Ctrl-C is answered with

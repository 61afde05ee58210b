"""Runs the networks: files and pictures in, repainted ones out, with no TensorFlow anywhere."""

"""Export: `python -m export` turns a trained run into the files that devices run."""

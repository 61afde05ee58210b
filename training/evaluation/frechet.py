"""How far the pictures of a network are from a collection: the Frechet distance of features that no loss has seen.

Features are (N, D), one row a picture.  0 for equal means and covariances.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Features = npt.NDArray[np.floating]


def frechet_distance(ours: Features, theirs: Features) -> float:
    """|mean - mean'|^2 + trace(C + C' - 2 (C C')^(1/2)) of the Gaussians that fit two sets of features."""
    for name, features in (("ours", ours), ("theirs", theirs)):
        if features.ndim != 2 or len(features) < 2 or features.shape[1] != ours.shape[1]:
            raise ValueError(
                f"`{name}` must be (pictures, features), two pictures or more, of one kind. "
                f"Received: {ours.shape} and {theirs.shape}. Compute both with the same network."
            )
    ours, theirs = ours.astype(np.float64), theirs.astype(np.float64)
    first, second = (np.atleast_2d(np.cov(features, rowvar=False)) for features in (ours, theirs))
    root = _root(first)
    # The eigenvalues of C C' are those of the symmetric C^(1/2) C' C^(1/2), which stay real and >= 0.
    shared = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ second @ root), 0)).sum()
    apart = np.sum(np.square(ours.mean(axis=0) - theirs.mean(axis=0)))
    return float(apart + np.trace(first) + np.trace(second) - 2 * shared)


def _root(covariance: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    values, vectors = np.linalg.eigh(covariance)
    return (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T

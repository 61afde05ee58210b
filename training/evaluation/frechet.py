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
    spread, other = _spread(ours), _spread(theirs)
    # The eigenvalues of C C' are the squared singular values of spread @ other.T: a matrix as large as there are
    # pictures, not as there are features.
    shared = np.linalg.svd(spread @ other.T, compute_uv=False).sum()
    apart = np.sum(np.square(ours.mean(axis=0, dtype=np.float64) - theirs.mean(axis=0, dtype=np.float64)))
    return float(apart + np.sum(np.square(spread)) + np.sum(np.square(other)) - 2 * shared)


def _spread(features: Features) -> npt.NDArray[np.float64]:
    """S with S.T @ S the covariance."""
    exact = features.astype(np.float64)
    return (exact - exact.mean(axis=0)) / np.sqrt(len(exact) - 1)

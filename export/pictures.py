"""JPEG in, JPEG out, inside the graph of a SavedModel: what a server's `jpeg` signature computes.

Each picture of a batch has a size of its own.  It is fitted as keras_vst.frames.fit does it: the edge is repeated
around it, by the margin that keeps the network's zero border out of sight and up to multiples of 8, and cut away
again afterwards.  Orientation that a camera wrote beside the pixels (EXIF) is not applied.
"""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from keras_vst.models.student import SIZE_MULTIPLE
from keras_vst.zoo import DEFAULT_MARGIN

MOST_PIXELS = 1 << 24  # a 16-megapixel photo takes about 2 GB while it is painted
QUALITY = 92

Painter = Callable[[tf.Tensor], tf.Tensor]  # frames (1, H, W, 3) -> stylized


def stylize_pictures(paint: Painter, images: tf.Tensor) -> tf.Tensor:
    """Paint (B,) JPEG files: (B,) JPEG files of the same sizes."""
    return tf.map_fn(lambda image: _stylize_picture(paint, image), images, fn_output_signature=tf.string)


def _stylize_picture(paint: Painter, image: tf.Tensor) -> tf.Tensor:
    height, width = tf.unstack(tf.io.extract_jpeg_shape(image)[:2])  # the header: before pixels take memory
    area = tf.cast(height, tf.int64) * tf.cast(width, tf.int64)
    small = tf.debugging.assert_less_equal(
        area, tf.cast(MOST_PIXELS, tf.int64), f"A picture may have {MOST_PIXELS} pixels. Send a smaller one."
    )
    with tf.control_dependencies([small]):
        pixels = tf.io.decode_jpeg(image, channels=3)
    rows, columns = _with_border(height), _with_border(width)
    fitted = tf.gather(tf.gather(pixels, rows, axis=0), columns, axis=1)
    stylized = paint(tf.cast(fitted, tf.float32)[None] / 255.0)[0]
    inside = stylized[DEFAULT_MARGIN : DEFAULT_MARGIN + height, DEFAULT_MARGIN : DEFAULT_MARGIN + width]
    return tf.io.encode_jpeg(tf.saturate_cast(tf.round(inside * 255.0), tf.uint8), quality=QUALITY)


def _with_border(side: tf.Tensor) -> tf.Tensor:
    """For each row of the fitted picture the row of the picture that it shows; (side,) -> (fitted,)."""
    fitted = -(-(side + 2 * DEFAULT_MARGIN) // SIZE_MULTIPLE) * SIZE_MULTIPLE
    return tf.clip_by_value(tf.range(fitted) - DEFAULT_MARGIN, 0, side - 1)

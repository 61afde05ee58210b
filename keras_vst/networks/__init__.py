"""What paints: a .tflite file, an .onnx file or a Keras model behind one `paint(frame) -> frame`; and mixing."""

from keras_vst.networks.base import Network
from keras_vst.networks.opening import open_network

__all__ = ["Network", "open_network"]

"""Networks in files, run without TensorFlow: TFLite runtimes and ONNX Runtime behind one set of methods."""

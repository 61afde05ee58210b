"""What a network is written as: .tflite, ONNX, SavedModel."""

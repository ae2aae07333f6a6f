"""Models for serving, each proven against the Keras model (needs TensorFlow)."""

from keras_senet.export.description import Preparation as Preparation
from keras_senet.export.lite_file import to_tflite as to_tflite
from keras_senet.export.onnx_file import to_onnx as to_onnx
from keras_senet.export.parity import ParityError as ParityError
from keras_senet.export.report import Report as Report
from keras_senet.export.saved_model import to_saved_model as to_saved_model
from keras_senet.export.subject import describe as describe
from keras_senet.export.subject import prepare as prepare

__all__ = [
    "ParityError",
    "Preparation",
    "Report",
    "describe",
    "prepare",
    "to_onnx",
    "to_saved_model",
    "to_tflite",
]

"""Models for serving, each proven against the Keras model (needs TensorFlow)."""

from keras_senet.export.saved_model import to_saved_model as to_saved_model

__all__ = ["to_saved_model"]

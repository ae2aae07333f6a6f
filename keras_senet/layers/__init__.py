"""The Squeeze-and-Excitation layer and the layers that the networks need."""

from keras_senet.layers.channel_shuffle import ChannelShuffle as ChannelShuffle
from keras_senet.layers.classifier import Classifier as Classifier
from keras_senet.layers.constant_gate import ConstantGate as ConstantGate
from keras_senet.layers.gates import gates as gates
from keras_senet.layers.grouped_convolution import GroupedConv2D as GroupedConv2D
from keras_senet.layers.image_size import ImageSize as ImageSize
from keras_senet.layers.provenance import Provenance as Provenance
from keras_senet.layers.resize_and_crop import ResizeAndCrop as ResizeAndCrop
from keras_senet.layers.shake_shake import ShakeShake as ShakeShake
from keras_senet.layers.squeeze_excite import SqueezeExcite as SqueezeExcite

__all__ = [
    "ChannelShuffle",
    "Classifier",
    "ConstantGate",
    "GroupedConv2D",
    "ImageSize",
    "Provenance",
    "ResizeAndCrop",
    "ShakeShake",
    "SqueezeExcite",
    "gates",
]

"""Squeeze-and-Excitation networks for Keras 3 (Hu et al., CVPR 2018, TPAMI 2020)."""

from keras_senet.benchmark.macs import count_macs as count_macs
from keras_senet.layers import SqueezeExcite as SqueezeExcite
from keras_senet.layers import gates as gates
from keras_senet.models.channels import adapt_input_channels as adapt_input_channels
from keras_senet.models.endpoints import endpoints as endpoints
from keras_senet.models.families import SEVGG16 as SEVGG16
from keras_senet.models.families import SEBNInception as SEBNInception
from keras_senet.models.families import SEInceptionResNetV2 as SEInceptionResNetV2
from keras_senet.models.families import SEInceptionV3 as SEInceptionV3
from keras_senet.models.families import SEMobileNet as SEMobileNet
from keras_senet.models.families import SENet154 as SENet154
from keras_senet.models.families import SEResNet18 as SEResNet18
from keras_senet.models.families import SEResNet20 as SEResNet20
from keras_senet.models.families import SEResNet32 as SEResNet32
from keras_senet.models.families import SEResNet34 as SEResNet34
from keras_senet.models.families import SEResNet50 as SEResNet50
from keras_senet.models.families import SEResNet56 as SEResNet56
from keras_senet.models.families import SEResNet101 as SEResNet101
from keras_senet.models.families import SEResNet110 as SEResNet110
from keras_senet.models.families import SEResNet152 as SEResNet152
from keras_senet.models.families import SEResNet152D as SEResNet152D
from keras_senet.models.families import SEResNet164 as SEResNet164
from keras_senet.models.families import SEResNeXt26 as SEResNeXt26
from keras_senet.models.families import SEResNeXt50 as SEResNeXt50
from keras_senet.models.families import SEResNeXt101 as SEResNeXt101
from keras_senet.models.families import SEResNeXt101_32x8d as SEResNeXt101_32x8d
from keras_senet.models.families import SEResNeXt101_64x4d as SEResNeXt101_64x4d
from keras_senet.models.families import SEShakeShake26_2x96d as SEShakeShake26_2x96d
from keras_senet.models.families import SEShuffleNet as SEShuffleNet
from keras_senet.models.families import SEWideResNet16_8 as SEWideResNet16_8
from keras_senet.models.insertion import insert_squeeze_excite as insert_squeeze_excite
from keras_senet.models.removal import remove_squeeze_excite as remove_squeeze_excite
from keras_senet.models.transfer import transfer_weights as transfer_weights
from keras_senet.predictions import decode_predictions as decode_predictions
from keras_senet.preprocessing import preprocess_input as preprocess_input
from keras_senet.preprocessing import preprocessing_layers as preprocessing_layers
from keras_senet.version import __version__ as __version__
from keras_senet.weights.catalog import list_weights as list_weights

__all__ = [
    "SEVGG16",
    "SEBNInception",
    "SEInceptionResNetV2",
    "SEInceptionV3",
    "SEMobileNet",
    "SENet154",
    "SEResNeXt26",
    "SEResNeXt50",
    "SEResNeXt101",
    "SEResNeXt101_32x8d",
    "SEResNeXt101_64x4d",
    "SEResNet18",
    "SEResNet20",
    "SEResNet32",
    "SEResNet34",
    "SEResNet50",
    "SEResNet56",
    "SEResNet101",
    "SEResNet110",
    "SEResNet152",
    "SEResNet152D",
    "SEResNet164",
    "SEShakeShake26_2x96d",
    "SEShuffleNet",
    "SEWideResNet16_8",
    "SqueezeExcite",
    "__version__",
    "adapt_input_channels",
    "count_macs",
    "decode_predictions",
    "endpoints",
    "gates",
    "insert_squeeze_excite",
    "list_weights",
    "preprocess_input",
    "preprocessing_layers",
    "remove_squeeze_excite",
    "transfer_weights",
]

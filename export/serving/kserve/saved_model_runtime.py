"""Serves an exported SavedModel over KServe's protocol, version 2, by MLServer.

    pip install mlserver tensorflow
    mlserver start .            # in this folder, with the path in model-settings.json

A request names its signature in `parameters.signature_name`. Files of images are an
input of datatype BYTES with base64 in its data.
"""

import asyncio
import base64

import numpy as np
import tensorflow as tf
from mlserver import MLModel
from mlserver.codecs import NumpyCodec, StringCodec
from mlserver.errors import InferenceError
from mlserver.types import InferenceResponse


class SavedModelRuntime(MLModel):
    """A SavedModel with the signatures of `write_saved_model`."""

    async def load(self):
        """Loads the model from `parameters.uri`."""
        self.loaded = tf.saved_model.load(self.settings.parameters.uri)
        return True

    async def predict(self, payload):
        """Answers a request."""
        # In a thread, so that others can be read meanwhile.
        outputs = await asyncio.to_thread(self._run, payload)
        return InferenceResponse(
            model_name=self.name, id=payload.id, outputs=outputs, parameters=None
        )

    def _run(self, payload):
        name = getattr(payload.parameters, "signature_name", "serving_default")
        signature = self.loaded.signatures.get(name)
        if signature is None:
            raise InferenceError(f"There is no signature {name!r}.")
        try:
            inputs = {each.name: _tensor(each) for each in payload.inputs}
            outputs = signature(**inputs)
        except (TypeError, ValueError, tf.errors.OpError) as error:
            raise InferenceError(str(error)[:500]) from error
        return [_encoded(key, value.numpy()) for key, value in outputs.items()]


def _tensor(given):
    if given.datatype != "BYTES":
        return tf.constant(NumpyCodec.decode_input(given))
    # pydantic gives a model around the list.
    texts = getattr(given.data, "root", given.data)
    files = [base64.b64decode(text, validate=True) for text in texts]
    return tf.constant(np.array(files, object), tf.string)


def _encoded(name, array):
    if array.dtype.kind != "O":
        return NumpyCodec.encode_output(name, array)
    texts = [text.decode() for text in array.ravel()]
    output = StringCodec.encode_output(name, texts)
    output.shape = list(array.shape)
    return output

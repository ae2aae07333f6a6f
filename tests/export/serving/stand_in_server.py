"""A stand-in for TF Serving over loopback, from its own protos and stubs.

python stand_in_server.py MODELS.config

It prints the ports of gRPC and REST as JSON. What it proves: models, signatures,
protos and clients. What it does not: the errors, the speed and the loader of the real
server (for the loader see cpp_session.py).
"""

import json
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import ThreadingHTTPServer
from pathlib import Path

import grpc
import tensorflow as tf
from google.protobuf import text_format
from stand_in_models import Models, Refusal
from stand_in_rest import handler
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_management_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)
from tensorflow_serving.config import model_server_config_pb2

State = get_model_status_pb2.ModelVersionStatus.State


def answered(method):
    """Turns refusals into gRPC's errors."""

    def safely(self, request, context):
        try:
            return method(self, request)
        except Refusal as refusal:
            context.abort(refusal.code, str(refusal))

    return safely


class Prediction(prediction_service_pb2_grpc.PredictionServiceServicer):
    def __init__(self, models):
        self.models = models

    @answered
    def Predict(self, request):
        try:
            inputs = {
                key: tf.make_ndarray(tensor) for key, tensor in request.inputs.items()
            }
        except (TypeError, ValueError) as error:
            raise Refusal(grpc.StatusCode.INVALID_ARGUMENT, str(error)) from error
        version, name, outputs = self.models.predict(request.model_spec, inputs)
        response = predict_pb2.PredictResponse()
        response.model_spec.name = request.model_spec.name
        response.model_spec.signature_name = name
        response.model_spec.version.value = version
        for key in request.output_filter or outputs:
            tensor = tf.make_tensor_proto(outputs[key])
            response.outputs[key].CopyFrom(plain(tensor, outputs[key]))
        return response

    @answered
    def GetModelMetadata(self, request):
        model = self.models.model(request.model_spec.name)
        version = model.version(request.model_spec)
        path = Path(model.config.base_path, str(version), "saved_model.pb")
        proto = saved_model_pb2.SavedModel.FromString(path.read_bytes())
        found = get_model_metadata_pb2.SignatureDefMap()
        for name, definition in proto.meta_graphs[0].signature_def.items():
            found.signature_def[name].CopyFrom(definition)
        response = get_model_metadata_pb2.GetModelMetadataResponse()
        response.model_spec.name = request.model_spec.name
        response.model_spec.version.value = version
        response.metadata["signature_def"].Pack(found)
        return response


def plain(tensor, array):
    """As TF Serving sends numbers: in the field of their type, not as bytes."""
    if not tensor.tensor_content:
        return tensor
    tensor.tensor_content = b""
    field = {"f": tensor.float_val, "i": tensor.int_val}[array.dtype.kind]
    field.extend(array.ravel().tolist())
    return tensor


class Management(model_service_pb2_grpc.ModelServiceServicer):
    def __init__(self, models):
        self.models = models

    @answered
    def GetModelStatus(self, request):
        model = self.models.model(request.model_spec.name)
        response = get_model_status_pb2.GetModelStatusResponse()
        for version, state in sorted(model.states.items(), reverse=True):
            status = response.model_version_status.add(version=version)
            status.state = State.Value(state)
            status.status.error_message = model.errors.get(version, "")
        return response

    @answered
    def HandleReloadConfigRequest(self, request):
        self.models.reload(request.config)
        return model_management_pb2.ReloadConfigResponse()


def main(config_file):
    config = model_server_config_pb2.ModelServerConfig()
    text_format.Parse(Path(config_file).read_text(), config)
    models = Models(config)
    options = [("grpc.max_receive_message_length", -1)]
    server = grpc.server(ThreadPoolExecutor(16), options=options)
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(
        Prediction(models), server
    )
    management = Management(models)
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(management, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    rest = ThreadingHTTPServer(("127.0.0.1", 0), handler(models))
    threading.Thread(target=rest.serve_forever, daemon=True).start()
    print(json.dumps({"grpc": port, "rest": rest.server_port}), flush=True)
    sys.stdin.read()  # Until whoever started it is gone.


if __name__ == "__main__":
    main(sys.argv[1])

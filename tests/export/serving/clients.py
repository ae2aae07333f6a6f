"""One client for every server that the requests are sent to."""

import base64
import http.client
import json
import urllib.parse

import numpy as np

KSERVE = {"f": "FP32", "i": "INT32", "U": "BYTES"}


class Refused(Exception):
    """The server answers with an error."""


class Rest:
    """TF Serving's REST interface."""

    speaks_json = True

    def __init__(self, url):
        self.address = urllib.parse.urlsplit(url)

    def predict(self, signature, inputs):
        """Arrays by name of the output."""
        rows = [
            dict(zip(inputs, values, strict=True))
            for values in zip(*map(listed, inputs.values()), strict=True)
        ]
        found = self.send({"signature_name": signature, "instances": rows})
        rows = found["predictions"]
        if not isinstance(rows[0], dict):
            return {"": np.array(rows)}
        return {key: np.array([row[key] for row in rows]) for key in rows[0]}

    def bad_base64(self):
        instances = [{"b64": "%%% is no base64 %%%"}]
        return self.send({"signature_name": "serve_bytes", "instances": instances})

    def send(self, body, verb=":predict"):
        connection = http.client.HTTPConnection(
            self.address.hostname, self.address.port, timeout=120
        )
        try:
            headers = {"Content-Type": "application/json"}
            path = f"{self.address.path}{verb}"
            connection.request("POST", path, json.dumps(body), headers)
            response = connection.getresponse()
            answer = json.loads(response.read())
        finally:
            connection.close()
        if response.status != 200:
            raise Refused(f"{response.status}: {answer}")
        return answer


class KServe(Rest):
    """KServe's protocol, version 2."""

    def predict(self, signature, inputs):
        found = self.ask(
            signature,
            [(name, listed(x), np.shape(x), kind(x)) for name, x in inputs.items()],
        )
        return {
            output["name"]: np.reshape(output["data"], output["shape"])
            for output in found["outputs"]
        }

    def bad_base64(self):
        content = [{"b64": "%%% is no base64 %%%"}]
        return self.ask("serve_bytes", [("image_bytes", content, (1,), "BYTES")])

    def ask(self, signature, inputs):
        tensors = [
            {
                "name": name,
                "shape": list(shape),
                "datatype": datatype,
                "data": [
                    value["b64"] if isinstance(value, dict) else value
                    for value in np.ravel(np.array(values)).tolist()
                ],
            }
            for name, values, shape, datatype in inputs
        ]
        parameters = {"signature_name": signature}
        return self.send({"parameters": parameters, "inputs": tensors}, "/infer")


class Grpc:
    """TF Serving's gRPC interface."""

    speaks_json = False

    def __init__(self, url):
        import grpc
        from tensorflow_serving.apis import prediction_service_pb2_grpc

        address, _, self.model = url.removeprefix("grpc://").partition("/")
        self.stub = prediction_service_pb2_grpc.PredictionServiceStub(
            grpc.insecure_channel(address, [("grpc.max_receive_message_length", -1)])
        )

    def predict(self, signature, inputs):
        import grpc
        import tensorflow as tf
        from tensorflow_serving.apis import predict_pb2

        request = predict_pb2.PredictRequest()
        request.model_spec.name = self.model
        request.model_spec.signature_name = signature
        for name, value in inputs.items():
            request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
        try:
            outputs = self.stub.Predict(request, timeout=120).outputs
        except grpc.RpcError as error:
            raise Refused(f"{error.code()}: {error.details()}") from error
        return {key: text(tf.make_ndarray(value)) for key, value in outputs.items()}


def client(url):
    """The client for a URL: grpc://host:port/model, or one of HTTP.

    http://host:port/v1/models/name is TF Serving's, .../v2/models/name KServe's.
    """
    if url.startswith("grpc://"):
        return Grpc(url)
    return KServe(url) if "/v2/models/" in url else Rest(url)


def listed(values):
    if isinstance(values, np.ndarray):
        return values.tolist()
    return [{"b64": base64.b64encode(value).decode()} for value in values]


def kind(values):
    return KSERVE[values.dtype.kind] if isinstance(values, np.ndarray) else "BYTES"


def text(array):
    if array.dtype.kind != "O":
        return array
    return np.array([each.decode() for each in array.ravel()]).reshape(array.shape)

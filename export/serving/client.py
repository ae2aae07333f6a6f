"""Asks a server what is in photographs.

    python client.py photo.jpg
    python client.py photo.jpg other.png --label canary
    python client.py photo.jpg --grpc --url localhost:8500 --version 2

REST needs nothing but Python; --grpc needs `pip install tensorflow-serving-api`.
"""

import argparse
import base64
import http.client
import importlib.util
import json
import sys
import types
import urllib.parse
from pathlib import Path

SIGNATURE, INPUT = "serve_bytes", "image_bytes"
OUTPUTS = ("classes", "probabilities", "error")
DEFAULT_URLS = {"rest": "http://localhost:8501", "grpc": "localhost:8500"}


class ServerError(Exception):
    """The server refuses a request, or does not answer."""


def without_tensorflow():
    """Lets TF Serving's protos find TensorFlow's without loading TensorFlow itself.

    Which takes seconds, and greets the terminal.
    """
    found = importlib.util.find_spec("tensorflow")
    if "tensorflow" not in sys.modules and found is not None:
        package = types.ModuleType("tensorflow")
        package.__path__ = found.submodule_search_locations
        sys.modules["tensorflow"] = package


class RestClient:
    """A connection over HTTP that is kept open; one for each thread."""

    def __init__(self, url, model, *, version=None, label=None, timeout=60):
        address = urllib.parse.urlsplit(url)
        secure = address.scheme == "https"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        self.connection = kind(address.hostname, address.port, timeout=timeout)
        self.path = f"{address.path.rstrip('/')}/v1/models/{model}"
        if version is not None:
            self.path += f"/versions/{version}"
        elif label is not None:
            self.path += f"/labels/{label}"

    def ask(self, files):
        """One dictionary for each file; `files` is a list of bytes."""
        instances = [{"b64": base64.b64encode(file).decode()} for file in files]
        request = {"signature_name": SIGNATURE, "instances": instances}
        return self.post(json.dumps(request))["predictions"]

    def post(self, text):
        """The server's answer to the text of a request."""
        try:
            headers = {"Content-Type": "application/json"}
            self.connection.request("POST", f"{self.path}:predict", text, headers)
            response = self.connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException) as error:
            self.connection.close()
            raise ServerError(
                f"{self.connection.host} does not answer: {error}"
            ) from error
        try:
            answer = json.loads(content)
        except ValueError as error:
            text = content[:200].decode(errors="replace")
            raise ServerError(f"HTTP {response.status}: {text}") from error
        if response.status != 200:
            raise ServerError(f"HTTP {response.status}: {answer.get('error', answer)}")
        return answer


class GrpcClient:
    """A channel, which threads may share."""

    def __init__(self, url, model, *, version=None, label=None, timeout=60):
        without_tensorflow()
        import grpc
        from tensorflow_serving.apis import prediction_service_pb2_grpc

        # Answers to large batches pass what gRPC takes by itself.
        options = [("grpc.max_receive_message_length", -1)]
        self.channel = grpc.insecure_channel(url, options)
        self.stub = prediction_service_pb2_grpc.PredictionServiceStub(self.channel)
        self.model, self.version, self.label = model, version, label
        self.timeout = timeout

    def request(self, signature):
        """An empty request to the model."""
        from tensorflow_serving.apis import predict_pb2

        request = predict_pb2.PredictRequest()
        request.model_spec.name = self.model
        request.model_spec.signature_name = signature
        if self.version is not None:
            request.model_spec.version.value = self.version
        elif self.label is not None:
            request.model_spec.version_label = self.label
        return request

    def ask(self, files):
        """One dictionary for each file; `files` is a list of bytes."""
        from tensorflow.core.framework import types_pb2

        request = self.request(SIGNATURE)
        tensor = request.inputs[INPUT]
        tensor.dtype = types_pb2.DT_STRING
        tensor.tensor_shape.dim.add(size=len(files))
        tensor.string_val.extend(files)
        request.output_filter.extend(OUTPUTS)
        outputs = self.send(request).outputs
        top = outputs["classes"].tensor_shape.dim[1].size
        classes = [name.decode() for name in outputs["classes"].string_val]
        values = list(outputs["probabilities"].float_val)
        return [
            {
                "classes": classes[row * top : (row + 1) * top],
                "probabilities": values[row * top : (row + 1) * top],
                "error": error.decode(),
            }
            for row, error in enumerate(outputs["error"].string_val)
        ]

    def send(self, request):
        """The server's answer to a `PredictRequest`."""
        import grpc

        try:
            return self.stub.Predict(request, timeout=self.timeout)
        except grpc.RpcError as error:
            raise ServerError(f"{error.code().name}: {error.details()}") from error


def add_arguments(parser):
    """The arguments that say which server and which model."""
    parser.add_argument("--grpc", action="store_const", const="grpc", dest="protocol")
    parser.add_argument("--rest", action="store_const", const="rest", dest="protocol")
    parser.set_defaults(protocol="rest")
    parser.add_argument("--url", help=f"default: {DEFAULT_URLS}")
    parser.add_argument("--model", default="classifier")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--version", type=int)
    which.add_argument("--label")


def client(arguments):
    """A client for what the arguments say."""
    kind = {"grpc": GrpcClient, "rest": RestClient}[arguments.protocol]
    url = arguments.url or DEFAULT_URLS[arguments.protocol]
    chosen = {"version": arguments.version, "label": arguments.label}
    return kind(url, arguments.model, **chosen)


def main():
    """Prints the best classes of each photograph."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("photos", nargs="+", type=Path)
    add_arguments(parser)
    arguments = parser.parse_args()
    try:
        files = [photo.read_bytes() for photo in arguments.photos]
        answers = client(arguments).ask(files)
    except (OSError, ImportError, ServerError) as error:
        sys.exit(f"client.py: {error}")
    for photo, answer in zip(arguments.photos, answers, strict=True):
        print(photo)
        if answer["error"]:
            print(f"  {answer['error']}")
            continue
        for name, value in zip(answer["classes"], answer["probabilities"], strict=True):
            print(f"  {value:.4f}  {name}")
    sys.exit(any(answer["error"] for answer in answers))


if __name__ == "__main__":
    main()

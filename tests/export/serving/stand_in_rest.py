"""The part of TF Serving's REST interface that clients of classifiers use."""

import base64
import binascii
import json
import re
from http.server import BaseHTTPRequestHandler

import numpy as np
from grpc import StatusCode
from stand_in_models import Refusal
from tensorflow_serving.apis import model_pb2

PATH = re.compile(
    r"/v1/models/(?P<model>[^/:]+)"
    r"(?:/versions/(?P<version>\d+)|/labels/(?P<label>[^/:]+))?(?P<verb>:predict)?"
)
HTTP = {StatusCode.NOT_FOUND: 404}


def handler(models):
    """A class of handlers of requests to these models."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            self.answer(lambda spec: status(models, spec))

        def do_POST(self):
            text = self.rfile.read(int(self.headers["Content-Length"]))
            self.answer(lambda spec: predict(models, spec, text))

        def answer(self, act):
            try:
                match = PATH.fullmatch(self.path)
                if match is None or (match["verb"] is None) == (self.command == "POST"):
                    raise Refusal(StatusCode.INVALID_ARGUMENT, "Malformed request")
                spec = model_pb2.ModelSpec(name=match["model"])
                if match["version"]:
                    spec.version.value = int(match["version"])
                elif match["label"]:
                    spec.version_label = match["label"]
                code, found = 200, act(spec)
            except Refusal as refusal:
                code, found = HTTP.get(refusal.code, 400), {"error": str(refusal)}
            content = json.dumps(found).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args):
            pass

    return Handler


def status(models, spec):
    states = models.model(spec.name).states
    return {
        "model_version_status": [
            {"version": str(version), "state": state}
            for version, state in sorted(states.items(), reverse=True)
        ]
    }


def predict(models, spec, text):
    try:
        body = json.loads(text)
        spec.signature_name = body.get("signature_name", "")
        instances = body["instances"]
        if not isinstance(instances, list) or not instances:
            raise ValueError("instances should be a list that is not empty")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        refusal = f"JSON Parse error: {error!r}"
        raise Refusal(StatusCode.INVALID_ARGUMENT, refusal) from error
    specs = models.signature(spec)[2].structured_input_signature[1]
    _, _, outputs = models.predict(spec, inputs_of(instances, specs))
    rows = [
        {key: shown(key, value[k]) for key, value in outputs.items()}
        for k in range(len(instances))
    ]
    if len(outputs) == 1:
        rows = [row for each in rows for row in each.values()]
    return {"predictions": rows}


def inputs_of(instances, specs):
    """Arrays by name of the input, from a list of values or of dictionaries."""
    alone = next(iter(specs)) if len(specs) == 1 else None
    columns = {}
    for instance in instances:
        named = isinstance(instance, dict) and set(instance) != {"b64"}
        for key, value in (instance if named else {alone: instance}).items():
            columns.setdefault(key, []).append(value)
    try:
        return {
            key: array(values, specs[key].dtype if key in specs else None)
            for key, values in columns.items()
        }
    except (ValueError, TypeError, KeyError, binascii.Error) as error:
        raise Refusal(StatusCode.INVALID_ARGUMENT, f"JSON: {error}") from error


def array(values, dtype):
    if dtype is not None and dtype.name == "string":
        files = [base64.b64decode(value["b64"], validate=True) for value in values]
        return np.array(files, object)
    found = np.array(values)
    if found.dtype.kind not in "fiu":
        raise ValueError("encountered wrong type")
    return found.astype(dtype.as_numpy_dtype if dtype is not None else found.dtype)


def shown(key, value):
    """A value for JSON; text is base64 where TF Serving makes it so."""
    if isinstance(value, bytes):
        if key.endswith("_bytes"):
            return {"b64": base64.b64encode(value).decode()}
        return value.decode()
    if isinstance(value, np.ndarray):
        return [shown(key, each) for each in value]
    return value.item()

"""Changes which versions a running TF Serving serves, and what they are called.

    python rollout.py show
    python rollout.py load 2            # beside the others; waits until it is there
    python rollout.py label canary 2    # for those who ask for the canary
    python rollout.py label stable 2    # for all
    python rollout.py label stable 1    # roll back, at once
    python rollout.py unload 2

The configuration is that of models.config, which is written when the server has
agreed, so that it starts again as it was. Needs `pip install tensorflow-serving-api`.
"""

import argparse
import os
import sys
import time
from pathlib import Path

import grpc
from client import without_tensorflow
from google.protobuf import text_format

without_tensorflow()
from tensorflow_serving.apis import (  # noqa: E402
    get_model_status_pb2,
    model_management_pb2,
    model_service_pb2_grpc,
)
from tensorflow_serving.config import model_server_config_pb2  # noqa: E402

CONFIG = Path(__file__).with_name("models.config")
State = get_model_status_pb2.ModelVersionStatus.State


class Refused(Exception):
    """What is asked for cannot be done."""


class Server:
    """The model service of a server."""

    def __init__(self, url, timeout):
        self.stub = model_service_pb2_grpc.ModelServiceStub(grpc.insecure_channel(url))
        self.timeout = timeout

    def states(self, model):
        """The state of each version that the server knows, and its error."""
        request = get_model_status_pb2.GetModelStatusRequest()
        request.model_spec.name = model
        try:
            found = self.stub.GetModelStatus(request, timeout=self.timeout)
        except grpc.RpcError as error:
            raise Refused(f"{error.code().name}: {error.details()}") from error
        return {
            status.version: (State.Name(status.state), status.status.error_message)
            for status in found.model_version_status
        }

    def reload(self, config):
        """Makes the server do as the configuration says; it may need time for it."""
        request = model_management_pb2.ReloadConfigRequest(config=config)
        try:
            found = self.stub.HandleReloadConfigRequest(request, timeout=self.timeout)
        except grpc.RpcError as error:
            raise Refused(f"{error.code().name}: {error.details()}") from error
        if found.status.error_code:
            raise Refused(found.status.error_message)

    def wait(self, model, version):
        """Waits until a version answers."""
        end = time.monotonic() + self.timeout
        state = ("unknown", "")
        while time.monotonic() < end:
            state = self.states(model).get(version, state)
            if state[0] == "AVAILABLE":
                return
            if state[0] == "END" and state[1]:
                break
            time.sleep(0.2)
        raise Refused(f"Version {version} is {state[0]}. {state[1]}")


def model_config(config, model):
    """The part of the configuration that is about a model."""
    for found in config.model_config_list.config:
        if found.name == model:
            return found
    raise Refused(f"The configuration has no model {model!r}.")


def labels_of(found, version):
    """The labels of a version, in the order of the alphabet."""
    return sorted(name for name, at in found.version_labels.items() if at == version)


def load(server, config, model, version):
    """Loads a version beside the others."""
    found = model_config(config, model)
    versions = found.model_version_policy.specific.versions
    if version not in versions:
        versions.append(version)
    server.reload(config)
    server.wait(model, version)


def label(server, config, model, name, version):
    """Gives a version a label, which another may have had."""
    # A server that is told to waits for no version, and would answer with errors.
    state = server.states(model).get(version, ("unknown", ""))[0]
    if state != "AVAILABLE":
        raise Refused(f"Version {version} is {state}; load it first.")
    model_config(config, model).version_labels[name] = version
    server.reload(config)


def unload(server, config, model, version):
    """Frees the memory of a version that has no label."""
    found = model_config(config, model)
    names = labels_of(found, version)
    if names:
        raise Refused(f"Version {version} is {' and '.join(names)}.")
    versions = found.model_version_policy.specific.versions
    if version not in versions:
        raise Refused(f"Version {version} is not in the configuration.")
    versions.remove(version)
    server.reload(config)


def show(server, config, model):
    """Prints the versions with their states and labels."""
    found = model_config(config, model)
    for version, (state, error) in sorted(server.states(model).items()):
        print(
            " ".join([str(version), state, *labels_of(found, version), error]).strip()
        )


def write(config, path):
    """Replaces the file in one step."""
    beside = path.with_name(f".{path.name}.new")
    beside.write_text(text_format.MessageToString(config))
    os.replace(beside, path)


def parse():
    """Reads the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--url", default="localhost:8500")
    parser.add_argument("--model", default="classifier")
    parser.add_argument("--config", type=Path, default=CONFIG)
    parser.add_argument("--timeout", type=float, default=120, help="in seconds")
    steps = parser.add_subparsers(dest="step", required=True)
    steps.add_parser("show")
    for step in ("load", "unload"):
        steps.add_parser(step).add_argument("version", type=int)
    labeling = steps.add_parser("label")
    labeling.add_argument("name")
    labeling.add_argument("version", type=int)
    return parser.parse_args()


def main():
    """Takes one step."""
    arguments = parse()
    server, model = Server(arguments.url, arguments.timeout), arguments.model
    config = model_server_config_pb2.ModelServerConfig()
    try:
        text_format.Parse(arguments.config.read_text(), config)
        if arguments.step == "load":
            load(server, config, model, arguments.version)
        elif arguments.step == "unload":
            unload(server, config, model, arguments.version)
        elif arguments.step == "label":
            label(server, config, model, arguments.name, arguments.version)
        if arguments.step != "show":
            write(config, arguments.config)
        show(server, config, model)
    except (OSError, text_format.ParseError, Refused) as error:
        sys.exit(f"rollout.py: {error}")


if __name__ == "__main__":
    main()

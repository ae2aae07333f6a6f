"""The models of the stand-in server: which versions are loaded, and their answers.

It takes after TF Serving's `server_core.cc`: a label can only be put on a version that
is available (when the server starts, on any, as with its flag
--allow_version_labels_for_unavailable_models); versions load after a reload returned;
requests without version go to the highest that is available.
"""

import threading
from pathlib import Path

import tensorflow as tf
from grpc import StatusCode


class Refusal(Exception):
    """A request cannot be answered."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


class Model:
    """One model of the configuration, with its versions."""

    def __init__(self, config):
        self.config = config
        self.states, self.loaded, self.errors = {}, {}, {}

    def update(self, config):
        self.config = config
        wanted = set(config.model_version_policy.specific.versions)
        for version in set(self.loaded) - wanted:
            del self.loaded[version]
            self.states[version] = "END"
        for version in sorted(wanted - set(self.loaded)):
            self.states[version] = "LOADING"
            threading.Thread(target=self.load, args=(version,), daemon=True).start()

    def load(self, version):
        try:
            path = Path(self.config.base_path, str(version))
            self.loaded[version] = tf.saved_model.load(str(path))
            self.states[version] = "AVAILABLE"
        except Exception as error:
            self.states[version], self.errors[version] = "END", str(error)

    def version(self, spec):
        """The number of the version that a request asks for."""
        if spec.version_label:
            labels = self.config.version_labels
            if spec.version_label not in labels:
                raise Refusal(
                    StatusCode.INVALID_ARGUMENT,
                    f"Unrecognized servable version label: {spec.version_label}",
                )
            version = labels[spec.version_label]
        elif spec.HasField("version"):
            version = spec.version.value
        else:
            version = max(self.loaded, default=0)
        if version not in self.loaded:
            raise Refusal(
                StatusCode.NOT_FOUND, f"Servable not found for request: {version}"
            )
        return version


class Models:
    """All models."""

    def __init__(self, config):
        self.lock = threading.Lock()
        self.models = {}
        self.reload(config, at_start=True)

    def reload(self, config, at_start=False):
        with self.lock:
            configs = {each.name: each for each in config.model_config_list.config}
            for name, each in configs.items():
                for version in each.version_labels.values():
                    known = self.models.get(name)
                    state = known.states.get(version) if known else None
                    if not at_start and state != "AVAILABLE":
                        raise Refusal(
                            StatusCode.FAILED_PRECONDITION,
                            f"Request to assign label to version {version} of model "
                            f"{name}, which is not currently available for inference",
                        )
            for name in set(self.models) - set(configs):
                del self.models[name]
            for name, each in configs.items():
                self.models.setdefault(name, Model(each)).update(each)

    def model(self, name):
        if name not in self.models:
            raise Refusal(StatusCode.NOT_FOUND, f"Servable not found: {name}")
        return self.models[name]

    def signature(self, spec):
        """The number of the version, the name of the signature, and the signature."""
        model = self.model(spec.name)
        version = model.version(spec)
        name = spec.signature_name or "serving_default"
        signatures = model.loaded[version].signatures
        if name not in signatures:
            raise Refusal(
                StatusCode.FAILED_PRECONDITION,
                f'Serving signature key "{name}" not found.',
            )
        return version, name, signatures[name]

    def predict(self, spec, inputs):
        """The version, the signature's name, and arrays by name of the output."""
        version, name, signature = self.signature(spec)
        specs = signature.structured_input_signature[1]
        if set(inputs) != set(specs):
            raise Refusal(
                StatusCode.INVALID_ARGUMENT,
                f"inputs should be {sorted(specs)}, not {sorted(inputs)}",
            )
        try:
            tensors = {
                key: tf.constant(inputs[key], spec.dtype)
                if inputs[key].dtype.kind in "OS"
                else tf.convert_to_tensor(inputs[key])
                for key, spec in specs.items()
            }
            for key, spec in specs.items():
                if tensors[key].dtype != spec.dtype:
                    raise ValueError(f"{key} should be {spec.dtype}")
            outputs = signature(**tensors)
        except (TypeError, ValueError, tf.errors.OpError) as error:
            raise Refusal(StatusCode.INVALID_ARGUMENT, str(error)[:500]) from error
        return version, name, {key: value.numpy() for key, value in outputs.items()}

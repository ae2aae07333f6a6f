"""The scripts and configurations of export/serving, as a person runs them."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import image_files
import pytest
import servers

pytestmark = [pytest.mark.export, pytest.mark.usefixtures("only_tensorflow")]
RECIPES = Path(__file__).parents[3] / "export" / "serving"
# The fields of protos that no package has: session_bundle_config.proto's
# BatchingParameters, and monitoring_config.proto's PrometheusConfig.
BATCHING = {
    "max_batch_size",
    "batch_timeout_micros",
    "num_batch_threads",
    "max_enqueued_batches",
    "allowed_batch_sizes",
}


def script(name, *arguments, code=0):
    """What a script prints, without warnings of libraries."""
    done = subprocess.run(
        [sys.executable, RECIPES / name, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == code, done.stderr
    return done.stdout if code == 0 else done.stdout + done.stderr


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "photo.jpg"
    path.write_bytes(image_files.encoded(image_files.photo(), "JPEG"))
    return path


def test_models_config():
    config_pb2 = pytest.importorskip(
        "tensorflow_serving.config.model_server_config_pb2"
    )
    from google.protobuf import text_format

    text = (RECIPES / "models.config").read_text()
    config = text_format.Parse(text, config_pb2.ModelServerConfig())
    (model,) = config.model_config_list.config
    versions = list(model.model_version_policy.specific.versions)
    assert model.name == "classifier"
    # As the command names the folder.
    assert Path(model.base_path).name == "saved_model"
    assert dict(model.version_labels) == {"stable": 1, "canary": 1}
    assert set(model.version_labels.values()) <= set(versions)


def test_batching_and_monitoring():
    text = (RECIPES / "batching.config").read_text()
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    pattern = r"(\w+)(?: { value: (\d+) }|: (\d+))"
    fields = [re.fullmatch(pattern, line).groups() for line in lines]
    assert {name for name, *_ in fields} == BATCHING
    # The server refuses sizes that do not rise, or do not end in the largest batch.
    sizes = [int(size) for name, _, size in fields if name == "allowed_batch_sizes"]
    largest = int(dict((name, value) for name, value, _ in fields)["max_batch_size"])
    assert sizes == sorted(set(sizes)) and sizes[-1] == largest
    text = (RECIPES / "monitoring.config").read_text()
    plain = " ".join(re.sub("#.*", "", text).split())
    path = "/monitoring/prometheus/metrics"
    assert plain == f'prometheus_config {{ enable: true path: "{path}" }}'


def test_compose():
    yaml = pytest.importorskip("yaml")
    services = yaml.safe_load((RECIPES / "compose.yaml").read_text())["services"]
    assert {name: service["profiles"] for name, service in services.items()} == {
        "cpu": ["cpu"],
        "gpu": ["gpu"],
    }
    for service in services.values():
        assert re.fullmatch(
            r"tensorflow/serving:\$\{VERSION:-[\d.]+\}(-gpu)?", service["image"]
        )
        flags = dict(flag.removeprefix("--").split("=") for flag in service["command"])
        for path in flags.values():
            if path.startswith("/config/"):
                assert (RECIPES / path.removeprefix("/config/")).is_file()


@pytest.mark.slow
@pytest.mark.parametrize("protocol", ["rest", "grpc"])
def test_client(stand_in, photo, tmp_path, protocol):
    address = f"127.0.0.1:{stand_in[protocol]}"
    url = f"http://{address}" if protocol == "rest" else address
    server = [f"--{protocol}", "--url", url]
    lines = script("client.py", photo, *server, "--label", "stable").splitlines()
    assert lines[0] == str(photo)
    values = [float(line.split()[0]) for line in lines[1:]]
    assert len(values) == 3 and values == sorted(values, reverse=True)
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(photo.read_bytes()[:999])
    printed = script("client.py", photo, broken, *server, "--version", 1, code=1)
    assert printed.splitlines()[:4] == lines
    assert printed.splitlines()[4:] == [str(broken), "  It is truncated or broken."]
    for wrong in (["--label", "none"], ["--version", 7], ["--model", "none"]):
        printed = script("client.py", photo, *server, *wrong, code=1)
        assert printed.startswith("client.py: ") and printed.count("\n") == 1


@pytest.mark.slow
def test_load(stand_in, photo):
    url = f"http://127.0.0.1:{stand_in['rest']}"
    given = ["--url", url, "--requests", 9, "--concurrent", 4, "--batch", 2]
    lines = script("load.py", photo, *given).splitlines()
    assert lines[0] == "9 requests of 2, 0 errors"
    assert re.fullmatch(r"[\d.]+ requests/s, [\d.]+ images/s", lines[1])
    times = [float(line.split()[1]) for line in lines[2:]]
    assert len(times) == 5 and times[0] > 0 and times == sorted(times)


@pytest.mark.slow
def test_rollout(classifier, photo, tmp_path):
    pytest.importorskip("tensorflow_serving")
    models = tmp_path / "classifier"
    shutil.copytree(classifier, models)
    config = tmp_path / "models.config"
    config.write_text(servers.config(models, stable=1, canary=1))
    with servers.stand_in(config) as ports:
        rest = f"http://127.0.0.1:{ports['rest']}"
        servers.wait_for(f"{rest}/v1/models/classifier")

        def step(*arguments, code=0):
            given = ["--url", f"127.0.0.1:{ports['grpc']}", "--config", config]
            printed = script(
                "rollout.py", *given, "--timeout", 60, *arguments, code=code
            )
            return printed.splitlines()

        def best(label):
            printed = script("client.py", photo, "--url", rest, "--label", label)
            return printed.splitlines()[1]

        first = best("stable")
        assert step("show") == ["1 AVAILABLE canary stable"]
        (refusal,) = step("label", "canary", 2, code=1)
        assert refusal == "rollout.py: Version 2 is unknown; load it first."
        assert step("load", 2) == ["1 AVAILABLE canary stable", "2 AVAILABLE"]
        assert step("label", "canary", 2)[1] == "2 AVAILABLE canary"
        second = best("canary")
        assert best("stable") == first != second
        step("label", "stable", 2)
        assert best("stable") == second
        (refusal,) = step("unload", 2, code=1)
        assert refusal == "rollout.py: Version 2 is canary and stable."
        step("label", "stable", 1)
        assert best("stable") == first
        step("label", "canary", 1)
        assert step("unload", 2)[0] == "1 AVAILABLE canary stable"
        before = config.read_text()
        (refusal,) = step("load", 3, code=1)
        assert refusal.startswith("rollout.py: Version 3 is END.")
        assert config.read_text() == before
    # The server starts again as it was.
    with servers.stand_in(config) as ports:
        servers.wait_for(f"http://127.0.0.1:{ports['rest']}/v1/models/classifier")


def test_the_runtime_has_its_name():
    settings = json.loads((RECIPES / "kserve" / "model-settings.json").read_text())
    module, name = settings["implementation"].split(".")
    assert f"class {name}(MLModel)" in (RECIPES / "kserve" / f"{module}.py").read_text()


@pytest.mark.slow
def test_metadata_over_grpc(stand_in):
    grpc = pytest.importorskip("grpc")
    from tensorflow_serving.apis import (
        get_model_metadata_pb2,
        prediction_service_pb2_grpc,
    )

    request = get_model_metadata_pb2.GetModelMetadataRequest()
    request.model_spec.name = "classifier"
    request.metadata_field.append("signature_def")
    with grpc.insecure_channel(f"127.0.0.1:{stand_in['grpc']}") as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        response = stub.GetModelMetadata(request, timeout=60)
    found = get_model_metadata_pb2.SignatureDefMap()
    response.metadata["signature_def"].Unpack(found)
    assert {"serving_default", "serve_bytes", "features"} <= set(found.signature_def)
    definition = found.signature_def["serve_bytes"]
    assert set(definition.inputs) == {"image_bytes"}

import os
import shutil
from pathlib import Path

import pytest
import servers
from clients import client
from served_network import described, need_tensorflow, network

PYTHON, URL, MODEL = (
    f"KERAS_SENET_{name}"
    for name in ("MLSERVER_PYTHON", "SERVING_URL", "SERVING_MODEL")
)


@pytest.fixture(scope="session")
def classifier(tmp_path_factory):
    """The folder of a model with versions 1 and 2."""
    need_tensorflow()
    from keras_senet.export.serving_files import write_saved_model

    folder = tmp_path_factory.mktemp("models") / "classifier"
    folder.mkdir()
    model = network()
    write_saved_model(model, folder / "1", described(), top=3)
    model.layers[-1].kernel.assign(-model.layers[-1].kernel)
    write_saved_model(model, folder / "2", described(), top=3)
    return folder


@pytest.fixture(scope="session")
def stand_in(classifier, tmp_path_factory):
    pytest.importorskip("tensorflow_serving")
    file = tmp_path_factory.mktemp("stand_in") / "models.config"
    file.write_text(servers.config(classifier, stable=1, canary=1))
    with servers.stand_in(file) as ports:
        servers.wait_for(f"http://127.0.0.1:{ports['rest']}/v1/models/classifier")
        yield ports


@pytest.fixture(scope="session")
def model_server(classifier, tmp_path_factory):
    if shutil.which("tensorflow_model_server") is None:
        pytest.skip("tensorflow_model_server is not on PATH")
    file = tmp_path_factory.mktemp("model_server") / "models.config"
    file.write_text(servers.config(classifier, stable=1, canary=1))
    with servers.model_server(file) as ports:
        servers.wait_for(f"http://127.0.0.1:{ports['rest']}/v1/models/classifier")
        yield ports


@pytest.fixture(scope="session")
def mlserver(classifier, tmp_path_factory):
    python = os.environ.get(PYTHON)
    if python is None:
        pytest.skip(f"{PYTHON} names no Python that has mlserver and tensorflow")
    folder = tmp_path_factory.mktemp("mlserver") / "kserve"
    with servers.mlserver(python, classifier / "1", folder) as port:
        url = f"http://127.0.0.1:{port}/v2/models/classifier"
        servers.wait_for(f"{url}/ready")
        yield url


@pytest.fixture(
    scope="session",
    params=[
        "stand_in grpc",
        "stand_in rest",
        "model_server grpc",
        "model_server rest",
        "mlserver",
        "given",
    ],
)
def served(request):
    """A client of a server, and the folder of the version that it serves."""
    kind, _, protocol = request.param.partition(" ")
    if kind == "given":
        if URL not in os.environ or MODEL not in os.environ:
            pytest.skip(f"{URL} names no server, or {MODEL} not the folder it serves")
        return client(os.environ[URL]), Path(os.environ[MODEL])
    version = request.getfixturevalue("classifier") / "1"
    found = request.getfixturevalue(kind)
    if protocol == "grpc":
        found = f"grpc://127.0.0.1:{found['grpc']}/classifier"
    elif protocol == "rest":
        found = f"http://127.0.0.1:{found['rest']}/v1/models/classifier"
        found += "/versions/1" if kind == "stand_in" else ""
    return client(found), version

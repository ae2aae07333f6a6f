"""Servers as processes: started, waited for, and ended."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

HERE = Path(__file__).parent
KSERVE = HERE.parents[2] / "export" / "serving" / "kserve"


def config(folder, versions=(1,), **labels):
    """A configuration for a model, by name of its folder."""
    numbers = "".join(f" versions: {version}" for version in versions)
    named = "".join(
        f'    version_labels {{ key: "{label}" value: {version} }}\n'
        for label, version in labels.items()
    )
    return (
        f'model_config_list {{\n  config {{\n    name: "{folder.name}"\n'
        f'    base_path: "{folder}"\n    model_platform: "tensorflow"\n'
        f"    model_version_policy {{ specific {{{numbers} }} }}\n{named}  }}\n}}\n"
    )


@contextlib.contextmanager
def process(command, log, **options):
    with log.open("wb") as errors:
        running = subprocess.Popen(
            list(map(str, command)), stderr=errors, stdin=subprocess.PIPE, **options
        )
        try:
            yield running
        finally:
            running.terminate()
            running.wait(timeout=30)
            for pipe in (running.stdin, running.stdout):
                if pipe is not None:
                    pipe.close()


@contextlib.contextmanager
def stand_in(config_file):
    """The ports of the stand-in for TF Serving, once version 1 answers."""
    log = config_file.with_suffix(".log")
    command = [sys.executable, HERE / "stand_in_server.py", config_file]
    with process(command, log, stdout=subprocess.PIPE) as running:
        line = running.stdout.readline()
        assert line, log.read_text()[-2000:]
        yield json.loads(line)


@contextlib.contextmanager
def model_server(config_file):
    """The ports of TF Serving itself."""
    ports = {"grpc": free_port(), "rest": free_port()}
    command = [
        shutil.which("tensorflow_model_server"),
        f"--port={ports['grpc']}",
        f"--rest_api_port={ports['rest']}",
        f"--model_config_file={config_file}",
        "--allow_version_labels_for_unavailable_models=true",
    ]
    log = config_file.with_suffix(".log")
    with process(command, log, stdout=subprocess.DEVNULL):
        yield ports


@contextlib.contextmanager
def mlserver(python, saved_model, folder):
    """The port of MLServer with our runtime."""
    shutil.copytree(KSERVE, folder)
    settings = json.loads((folder / "model-settings.json").read_text())
    settings["parameters"]["uri"] = str(saved_model)
    (folder / "model-settings.json").write_text(json.dumps(settings))
    port = free_port()
    more = {
        "MLSERVER_HOST": "127.0.0.1",
        "MLSERVER_HTTP_PORT": str(port),
        "MLSERVER_GRPC_PORT": str(free_port()),
        "MLSERVER_METRICS_PORT": str(free_port()),
    }
    script = Path(python).with_name("mlserver")
    with process(
        [script, "start", folder],
        folder.with_suffix(".log"),
        stdout=subprocess.DEVNULL,
        env={**os.environ, **more},
    ):
        yield port


def wait_for(url, seconds=120):
    """Waits until a URL answers without an error."""
    end = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5) as response:
                content = response.read()
            if b"model_version_status" not in content or b"AVAILABLE" in content:
                return
        except (OSError, urllib.error.HTTPError):
            if time.monotonic() > end:
                raise
        assert time.monotonic() < end, content
        time.sleep(0.1)


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]

import time

import pytest
from weights.loopback import loopback


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A server, as the hub too, with empty caches in `tmp_path`."""
    from huggingface_hub import close_session, constants

    with loopback() as it:
        monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
        monkeypatch.setenv("HF_ENDPOINT", it.url)
        monkeypatch.setenv("no_proxy", "127.0.0.1,localhost")
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        # Files here are small, and would arrive in one piece or not at all.
        monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 256)
        # The library waits for seconds before it asks again.
        sleep = time.sleep
        monkeypatch.setattr(time, "sleep", lambda s: sleep(min(s, 0.01)))
        close_session()
        yield it
        close_session()

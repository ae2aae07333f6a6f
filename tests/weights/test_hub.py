import random
from dataclasses import replace
from pathlib import Path

import pytest
from huggingface_hub import constants, file_download
from weights.loopback import COMMIT
from weights.rows import row

from keras_senet.errors import InputError
from keras_senet.weights import files, hashes, hub

CONTENT = random.Random(2).randbytes(4000)
ROW = row(CONTENT, file="model.safetensors", hub="timm/x")


@pytest.fixture
def online(server):
    for revision in ("main", "v2", "refs%2Fpr%2F1"):
        server.files[f"/timm/x/resolve/{revision}/model.safetensors"] = CONTENT
    return server


def cached(server):
    """Every file of the hub's cache that a reader could take for the weights."""
    return [
        path
        for path in Path(constants.HF_HUB_CACHE).rglob("*")
        if {"blobs", "snapshots"} & set(path.parts) and path.suffix != ".incomplete"
    ]


@pytest.mark.parametrize(
    ("address", "read"),
    [
        ("hf://o/n", ("o/n", None, None)),
        ("hf://o/n@v1.0", ("o/n", "v1.0", None)),
        ("hf://o/n@refs/pr/1/a.h5", ("o/n", "refs/pr/1", "a.h5")),
        ("hf://o-1/n.a_b/deep/a.h5", ("o-1/n.a_b", None, "deep/a.h5")),
    ],
)
def test_addresses_are_read(address, read):
    file = hub.HubFile.parse(address)
    assert (file.repository, file.revision, file.path) == read


@pytest.mark.parametrize(
    "address",
    [
        "hf://o",
        "hf://o/n/",
        "hf://o/n@",
        "hf://a--b/n",
        "hf://o/n/../a",
        "o/n",
        "hf://datasets/o/n",
    ],
)
def test_other_addresses_are_not(address):
    with pytest.raises(ValueError, match=r"should be `hf://owner/name`.* Received: "):
        files.fetch_hub(address)


def test_a_file_is_fetched_once(online):
    path = files.fetch(ROW)
    assert path.read_bytes() == CONTENT
    assert path.name == "model.safetensors" and path.parent.name == COMMIT
    assert files.fetch(ROW) == path
    assert online.ranges() == [None]
    # Large files come from another host, as on the hub.
    assert online.seen[-2][:2] == ("GET", "/cdn/timm/x/resolve/main/model.safetensors")


@pytest.mark.parametrize("where", ["", "@v2", "@refs/pr/1", "/model.safetensors"])
def test_repositories_can_be_addressed(online, monkeypatch, where):
    monkeypatch.setenv("HF_ENDPOINT", online.url + "/")
    assert files.fetch_hub(f"hf://timm/x{where}").read_bytes() == CONTENT


def test_the_file_that_there_is_is_taken(server, monkeypatch):
    place = "/timm/old/resolve/main/"
    server.files[place + "pytorch_model.bin"] = CONTENT
    path = files.fetch_hub("hf://timm/old")
    assert path.name == "pytorch_model.bin"
    # The same without a network, from the cache.
    with monkeypatch.context() as patch:
        patch.setattr(constants, "HF_HUB_OFFLINE", True)
        assert files.fetch_hub("hf://timm/old") == path
    # Of a hub that does not answer, one file is enough to ask for.
    server.seen.clear()
    server.tricks["HEAD"].extend(["error"] * 99)
    assert files.fetch_hub("hf://timm/old") == path
    assert {asked for _, asked, _ in server.seen} == {place + "model.safetensors"}
    server.tricks["HEAD"].clear()
    server.files[place + "model.weights.h5"] = CONTENT
    assert files.fetch_hub("hf://timm/old").name == "model.weights.h5"


@pytest.mark.parametrize("tricks", [["corrupt"], ["cut"], ["corrupt", "cut"]])
def test_one_call_survives_such_tricks(online, tricks):
    online.tricks["GET"].extend(tricks)
    online.tricks["HEAD"].append("error")
    path = files.fetch(ROW)
    assert path.read_bytes() == CONTENT
    assert sorted(cached(online)) == sorted(
        [path, path.parent, path.parents[1], path.resolve(), path.resolve().parent]
    )


@pytest.mark.parametrize("damage", ["flipped", "truncated", "emptied"])
@pytest.mark.parametrize(
    "fetch",
    [lambda: files.fetch(ROW), lambda: files.fetch_hub("hf://timm/x")],
    ids=["row", "address"],
)
def test_a_file_that_rots_in_the_cache_is_replaced(online, damage, fetch):
    path = fetch()
    rotten = {"flipped": b"?" + CONTENT[1:], "truncated": CONTENT[:-1], "emptied": b""}
    path.resolve().write_bytes(rotten[damage])
    assert fetch().read_bytes() == CONTENT
    assert online.ranges() == [None, None]


def test_a_rotten_file_is_not_used_offline(online, monkeypatch):
    files.fetch(ROW).resolve().write_bytes(b"?")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(InputError, match=r"corrupt \(its hash .* replaced: HF_HUB_OFF"):
        files.fetch(ROW)
    assert not [path for path in cached(online) if path.is_file()]


def test_without_links_the_published_hash_decides(online, monkeypatch):
    monkeypatch.setattr(file_download, "are_symlinks_supported", lambda cache: False)
    online.tricks["GET"].append("corrupt")
    path = files.fetch(ROW)
    assert path.read_bytes() == CONTENT and not path.is_symlink()


def test_small_files_have_gits_names(tmp_path):
    # From "Pro Git", 10.2.
    content, name = b"what is up, doc?", "bd9dbf5aae1a3862dd1526723246b20206e5fc37"
    (tmp_path / name).write_bytes(content)
    assert hashes.git_digest(tmp_path / name) == name


@pytest.mark.parametrize(
    ("trick", "why"),
    [
        ("corrupt", "it arrived corrupt twice: its hash should be [0-9a-f]{64}"),
        ("missing", r"there is no such file \(404\)"),
        ("refused", r"the server refuses it \(403\)"),
        ("page", "file should be of size 4000 but has size 536"),
        ("short", "file should be of size 4000 but has size 2000"),
        ("reset", "the connection failed .ReadError: .*reset by peer"),
        ("stall", "no answer within 0.1 seconds"),
    ],
)
def test_an_error_says_all_that_a_person_needs(online, monkeypatch, trick, why):
    monkeypatch.setattr(constants, "HF_HUB_DOWNLOAD_TIMEOUT", 0.1)
    online.always = trick
    with pytest.raises(InputError, match=why) as caught:
        files.fetch(ROW)
    message = str(caught.value)
    url = f"{online.url}/timm/x/resolve/main/model.safetensors"
    assert "The checkpoint 'a_tag' cannot be had: " in message
    assert f"Its file is model.safetensors from {url}." in message
    assert f"in the hub's cache at {constants.HF_HUB_CACHE}" in message
    assert f"save it as {files.local_path(ROW)}." in message
    assert not [path for path in cached(online) if path.is_file()]


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("hf://timm/none", "the hub has no such repository, or it is private"),
        ("hf://timm/x/none.h5", r"no such file \(404\). Wanted: none.h5 from"),
    ],
)
def test_what_does_not_exist_is_named(online, address, why):
    with pytest.raises(InputError, match=rf"{address} cannot be fetched: .*{why}"):
        files.fetch_hub(address)


def test_a_file_that_is_not_the_published_one_is_refused_but_kept(online):
    other = replace(ROW, size=None, hashes=("sha256", "00"))
    with pytest.raises(InputError, match=r"SHA256 of .* should begin with 00"):
        files.fetch(other)
    # It is what the hub has, and may serve others.
    assert files.fetch_hub("hf://timm/x").read_bytes() == CONTENT
    assert online.ranges() == [None]


def test_offline_nothing_is_asked(online, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    for fetch in (lambda: files.fetch(ROW), lambda: files.fetch_hub("hf://timm/x")):
        with pytest.raises(InputError, match="HF_HUB_OFFLINE is set"):
            fetch()
    assert not online.seen


@pytest.mark.parametrize("raised", [OSError(28, "No space left"), KeyboardInterrupt()])
def test_a_fault_leaves_nothing_that_looks_like_the_file(online, monkeypatch, raised):
    def http_get(url, file, **options):
        file.write(CONTENT[:100])
        raise raised

    with monkeypatch.context() as patch:
        patch.setattr(file_download, "http_get", http_get)
        with pytest.raises((InputError, KeyboardInterrupt)):
            files.fetch(ROW)
    assert not [path for path in cached(online) if path.is_file()]
    assert files.fetch(ROW).read_bytes() == CONTENT


def test_a_cache_that_cannot_be_written(online):
    Path(constants.HF_HUB_CACHE).write_text("a file, where a folder should be made")
    with pytest.raises(InputError, match=r"reading or writing .*hub.* failed"):
        files.fetch(ROW)


def test_a_file_placed_by_hand_comes_first(online):
    path = files.local_path(ROW)
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)
    assert files.fetch(ROW) == path
    assert not online.seen

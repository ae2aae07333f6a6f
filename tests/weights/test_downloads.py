import errno
import functools
import hashlib
import random
import re

import pytest
from huggingface_hub import constants, file_download
from weights import rows

from keras_senet.errors import InputError
from keras_senet.weights import files

CONTENT = random.Random(1).randbytes(4000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


# A part of the hash, as most publishers state it.
row = functools.partial(rows.row, CONTENT, hashes=("sha256", SHA256[:8].upper()))


@pytest.fixture
def online(server):
    server.files["/a.pth"] = CONTENT
    return row(url=f"{server.url}/a.pth")


def leftovers(checkpoint):
    folder = files.local_path(checkpoint).parent
    return sorted(path.name for path in folder.glob("*") if path.is_file())


def refused(checkpoint, why):
    """Fetches in vain; nothing may be left that looks like the file."""
    with pytest.raises(InputError, match=why) as caught:
        files.fetch(checkpoint)
    assert not files.local_path(checkpoint).exists()
    return str(caught.value)


@pytest.mark.parametrize(
    ("algorithm", "published"),
    [("sha256", "BA7816BF"), ("sha384", "cb00753f45a3"), ("md5", "90015098")],
)
def test_a_published_hash_may_be_a_beginning(tmp_path, algorithm, published):
    # The test vectors of FIPS 180 and RFC 1321 for "abc".
    path = tmp_path / "abc"
    path.write_bytes(b"abc")
    found = files.verify(path, row(size=3, hashes=(algorithm, published)))
    assert found.startswith(published.lower())
    assert len(found) == 2 * hashlib.new(algorithm).digest_size
    with pytest.raises(InputError, match="should have 4 bytes, but has 3"):
        files.verify(path, row(size=4))
    with pytest.raises(InputError, match="begin with 00, but is ba7816bf"):
        files.verify(path, row(size=3, hashes=("sha256", "00")))


def test_the_places_for_files_are_those_of_keras(tmp_path, monkeypatch):
    # The package is imported already, so this asks Keras' rule, not our own.
    from keras.src.backend.config import keras_home

    where = files.local_path(row())
    assert str(where) == f"{keras_home()}/keras_senet/a.pth"
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    assert files.local_path(row()) == tmp_path / "keras_senet" / "a.pth"
    hub = row(file="model.safetensors", hub="timm/x")
    assert files.local_path(hub) == tmp_path / "keras_senet" / "a_tag.safetensors"


@pytest.mark.parametrize(
    "tricks",
    [
        [],
        ["redirect"],
        ["error"],
        ["cut"],
        ["cut", "whole"],
        ["unmeasured"],
        ["long"],
        ["cut", "error"],
        ["reset"],
    ],
    ids=lambda tricks: "+".join(tricks) or "no",
)
def test_one_call_survives_such_tricks(server, online, tricks):
    server.tricks["GET"].extend(tricks)
    path = files.fetch(online)
    assert path == files.local_path(online)
    assert path.read_bytes() == CONTENT
    assert leftovers(online) == ["a.pth"]
    if tricks[:1] in (["cut"], ["reset"]):
        assert server.ranges()[:2] == [None, "bytes=1792-"]
    asked = len(server.seen)
    assert files.fetch(online) == path
    assert len(server.seen) == asked


def test_the_next_call_goes_on_where_the_last_one_ended(server, online):
    server.always = "cut"
    refused(online, "the connection failed .RemoteProtocolError")
    assert leftovers(online) == ["a.pth.incomplete"]
    server.seen.clear()
    server.always = None
    assert files.fetch(online).read_bytes() == CONTENT
    assert server.ranges() == ["bytes=1792-"]


@pytest.mark.parametrize("left", [b"other", CONTENT[:9], CONTENT + b"more", CONTENT])
@pytest.mark.parametrize("trick", [None, "whole", "misplaced"])
def test_whatever_is_left_from_another_day_the_file_is_right(
    server, online, left, trick
):
    target = files.local_path(online)
    target.parent.mkdir(parents=True)
    target.with_name("a.pth.incomplete").write_bytes(left)
    if trick:
        server.tricks["GET"].append(trick)
    assert files.fetch(online).read_bytes() == CONTENT
    assert leftovers(online) == ["a.pth"]


def test_what_could_not_be_checked_is_not_resumed(server, online):
    unchecked = row(url=online.url, hashes=None, size=None)
    server.always = "cut"
    refused(unchecked, "the connection failed .RemoteProtocolError")
    server.seen.clear()
    server.always = None
    assert files.fetch(unchecked).read_bytes() == CONTENT
    assert server.ranges() == [None]


@pytest.mark.parametrize(
    ("trick", "why"),
    [
        ("missing", r"there is no such file \(404\)"),
        ("refused", r"the server refuses it \(403\)"),
        ("error", "the server answers with error 500"),
        ("page", "should have 4000 bytes, but has 536 .it is a web page"),
        ("corrupt", f"SHA256 of .* should begin with {SHA256[:8]}, but is [0-9a-f]+"),
        ("short", "should have 4000 bytes, but has 2000"),
        ("redirect", "TooManyRedirects"),
    ],
)
def test_an_error_says_all_that_a_person_needs(server, online, trick, why):
    server.always = trick
    message = refused(online, why)
    assert "'a_tag'" in message and f"a.pth from {server.url}/a.pth" in message
    assert f"save it as {files.local_path(online)}." in message
    assert leftovers(online) == []
    server.always = None
    assert files.fetch(online).read_bytes() == CONTENT


def test_a_page_is_no_weights_even_if_nothing_was_published(server, online):
    server.always = "page"
    refused(row(url=online.url, hashes=None, size=None), "web page")


def test_a_server_that_stalls_is_left(server, online, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_DOWNLOAD_TIMEOUT", 0.1)
    server.always = "stall"
    refused(online, r"no answer within 0.1 seconds \(HF_HUB_DOWNLOAD_TIMEOUT\)")


def test_nobody_listens(server, online):
    refused(
        row(url="http://127.0.0.1:9/a.pth"),
        r"the connection failed .ConnectError: .*refused",
    )


def test_offline_nothing_is_asked(server, online, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    refused(online, "HF_HUB_OFFLINE is set")
    assert not server.seen


@pytest.mark.parametrize("url", [None, "http://127.0.0.1:9/a.pth"])
def test_a_file_placed_by_hand_is_used_or_refused_but_kept(server, url):
    checkpoint = row(url=url)
    path = files.local_path(checkpoint)
    if url is None:
        refused(checkpoint, re.escape("by hand only. Its file is a.pth from a lab."))
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)
    assert files.fetch(checkpoint) == path
    path.write_bytes(CONTENT[:-1] + b"?")
    with pytest.raises(InputError, match=f"Replace {path}, or delete it"):
        files.fetch(checkpoint)
    assert path.exists()
    assert not server.seen


@pytest.mark.parametrize(
    ("raised", "expected", "words"),
    [
        (OSError(errno.ENOSPC, "No space left"), InputError, "failed: No space left"),
        (KeyboardInterrupt("by hand"), KeyboardInterrupt, "by hand"),
    ],
)
def test_what_was_written_before_a_fault_is_kept_for_the_next_call(
    server, online, monkeypatch, raised, expected, words
):
    def http_get(url, file, **options):
        file.write(CONTENT[:100])
        raise raised

    with monkeypatch.context() as patch:
        patch.setattr(file_download, "http_get", http_get)
        with pytest.raises(expected, match=words):
            files.fetch(online)
    assert leftovers(online) == ["a.pth.incomplete"]
    assert files.fetch(online).read_bytes() == CONTENT
    assert server.ranges() == ["bytes=100-"]


def test_a_folder_that_cannot_be_written(server, online, tmp_path):
    (tmp_path / "keras").write_text("a file, where a folder should be made")
    message = refused(online, r"reading or writing .*keras.* failed")
    assert str(tmp_path / "keras" / "keras_senet" / "a.pth") in message

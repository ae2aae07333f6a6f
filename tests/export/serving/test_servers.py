"""The same requests to every server there is: good ones, and bad ones in between."""

import json
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor

import image_files
import numpy as np
import pytest
from clients import Refused

pytestmark = [
    pytest.mark.slow,
    pytest.mark.export,
    pytest.mark.usefixtures("only_tensorflow"),
]
TOLERANCE = 1e-5


@pytest.fixture(scope="module")
def expected(served):
    """A function that gives the answers of the same model in this process."""
    import tensorflow as tf

    loaded = tf.saved_model.load(str(served[1]))

    def run(signature, **inputs):
        tensors = {name: tf.constant(value) for name, value in inputs.items()}
        answers = loaded.signatures[signature](**tensors)
        return {name: value.numpy() for name, value in answers.items()}

    return run


@pytest.fixture
def client(served):
    return served[0]


@pytest.fixture
def images(served):
    text = (served[1] / "assets.extra" / "keras_senet.json").read_text()
    shape = [side or 64 for side in json.loads(text)["shape"]]
    rng = np.random.default_rng(0)
    return rng.uniform(0, 255, (3, *shape)).astype("float32")


@pytest.fixture
def files():
    photo = image_files.photo()
    return [image_files.encoded(photo, kind) for kind in ("JPEG", "PNG")]


@pytest.fixture(autouse=True)
def next_request_is_answered(client, files, expected):
    """After whatever a test did."""
    yield
    answer = client.predict("serve_bytes", {"image_bytes": files})
    check(answer, expected("serve_bytes", image_bytes=files))


def check(answer, truth):
    for name in ("probabilities", "indices"):
        np.testing.assert_allclose(answer[name], truth[name], atol=TOLERANCE)
    for name in ("classes", "error"):
        decoded = np.vectorize(bytes.decode)(truth[name])
        assert answer[name].tolist() == decoded.tolist()


@pytest.mark.parametrize("count", [1, 3])
def test_images(client, images, expected, count):
    answer = client.predict("serving_default", {"images": images[:count]})
    (truth,) = expected("serving_default", images=images[:count]).values()
    np.testing.assert_allclose(*answer.values(), truth, atol=TOLERANCE)


def test_features(client, images, expected):
    answer = client.predict("features", {"images": images})
    (truth,) = expected("features", images=images).values()
    np.testing.assert_allclose(*answer.values(), truth, rtol=1e-3, atol=1e-4)


def test_bad_files_beside_good_ones(client, files, expected):
    jpeg, png = files
    huge = struct.pack(">2I5B", 60000, 60000, 8, 2, 0, 0, 0)
    crc = struct.pack(">I", zlib.crc32(b"IHDR" + huge))
    bomb = png[:16] + huge + crc + png[33:]
    batch = [jpeg, jpeg[: len(jpeg) // 2], b"no image", b"", bomb, jpeg[:40], png]
    answer = client.predict("serve_bytes", {"image_bytes": batch})
    check(answer, expected("serve_bytes", image_bytes=batch))
    broken, header = "It is truncated or broken.", "Its header is broken, or it has"
    reasons = ["", broken, "It is no JPEG or PNG.", "It is empty.", header, header, ""]
    for found, reason in zip(answer["error"], reasons, strict=True):
        assert found.startswith(reason) and bool(found) == bool(reason)
    assert answer["classes"][1].tolist() == [""] * answer["classes"].shape[1]
    assert set(answer["indices"][1:6].ravel().tolist()) == {-1}


def test_bad_base64(client):
    if not client.speaks_json:
        pytest.skip("gRPC carries bytes as they are")
    with pytest.raises(Refused):
        client.bad_base64()


@pytest.mark.parametrize(
    ("signature", "change"),
    [
        ("serving_default", lambda x: {"images": x[:, :-1]}),
        ("serving_default", lambda x: {"images": x[..., 0]}),
        ("serving_default", lambda x: {"images": np.full(x.shape, "text")}),
        ("serving_default", lambda x: {"pictures": x}),
        ("serve_bytes", lambda x: {"images": x}),
        ("nothing_like_this", lambda x: {"images": x}),
    ],
    ids=["sides", "rank", "dtype", "name", "input", "signature"],
)
def test_wrong_requests(client, images, signature, change):
    with pytest.raises(Refused):
        client.predict(signature, change(images[:1]))


def test_a_huge_file_is_an_error(client):
    payload = {"image_bytes": [bytes(50_000_000)]}
    try:
        answer = client.predict("serve_bytes", payload)
    except (Refused, OSError):
        return
    assert answer["error"].tolist() == ["It is no JPEG or PNG."]


def test_concurrent_requests(client, files, images, expected):
    truth = expected("serve_bytes", image_bytes=files)
    bad = expected("serve_bytes", image_bytes=[files[0], files[1][:-9]])

    def ask(number):
        if number % 3 == 0:
            with pytest.raises(Refused):
                client.predict("serving_default", {"images": images[:, :3]})
        elif number % 3 == 1:
            batch = {"image_bytes": [files[0], files[1][:-9]]}
            check(client.predict("serve_bytes", batch), bad)
        else:
            check(client.predict("serve_bytes", {"image_bytes": files}), truth)
        return number

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, range(24))) == list(range(24))

"""What `input_pipeline.py` compares: endless iterators over the sizes of batches."""

import math
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from typing import Any

BATCH, SIZE = 64, 224
AREA, ASPECT, ATTEMPTS = (0.08, 1.0), (3 / 4, 4 / 3), 10
# More images or epochs than a measurement lasts.
ENDLESS = 10**6


def listed(root: Path) -> list[str]:
    """The files of the training split."""
    return sorted(map(str, root.glob("train/*/*.jpg")))


def window(random: Any, height: int, width: int) -> tuple[int, int, int, int]:
    """Top, left, height and width of a random-size crop, as in torchvision."""
    low, high = map(math.log, ASPECT)
    for _ in range(ATTEMPTS):
        area = height * width * random.uniform(*AREA)
        aspect = math.exp(random.uniform(low, high))
        wide, tall = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
        if 0 < wide <= width and 0 < tall <= height:
            top = int(random.integers(height - tall + 1))
            return top, int(random.integers(width - wide + 1)), tall, wide
    # What torchvision falls back to if the image is 4:3.
    return 0, 0, height, width


def simplejpeg_decoder() -> Callable[[bytes], Any]:
    """libjpeg-turbo's, with its defaults."""
    import simplejpeg

    return simplejpeg.decode_jpeg


def opencv_decoder() -> Callable[[bytes], Any]:
    """OpenCV's, to BGR."""
    import cv2
    import numpy as np

    cv2.setNumThreads(1)
    return lambda encoded: cv2.imdecode(np.frombuffer(encoded, np.uint8), 1)


def imagecodecs_decoder() -> Callable[[bytes], Any]:
    """The one of imagecodecs."""
    import imagecodecs

    return imagecodecs.jpeg8_decode


def whole_images(
    decoder: Callable[[], Callable[[bytes], Any]], root: Path, workers: int
) -> Iterator[int]:
    """Decodes whole images in threads, and lets them go."""
    decode, files = decoder(), cycle(listed(root))

    def some(batch: list[str]) -> int:
        for file in batch:
            decode(Path(file).read_bytes())
        return len(batch)

    with ThreadPoolExecutor(workers) as pool:
        running: deque = deque()
        while True:
            while len(running) < 2 * workers:
                running.append(pool.submit(some, list(islice(files, BATCH))))
            yield running.popleft().result()


def tf_options(workers: int) -> Any:
    """As many threads as the others have."""
    import tensorflow as tf

    options = tf.data.Options()
    options.threading.private_threadpool_size = workers
    options.threading.max_intra_op_parallelism = 1
    return options


def same_crops(root: Path, workers: int) -> Iterator[int]:
    """Decodes crops in TensorFlow, and lets them go."""
    import numpy as np
    import tensorflow as tf

    random, files = np.random.default_rng(0), listed(root)
    windows = [window(random, 375, 500) for _ in range(100 * len(files))]

    def decode(number: Any, crop: Any) -> Any:
        encoded = tf.io.read_file(tf.gather(files, number % len(files)))
        return tf.shape(tf.io.decode_and_crop_jpeg(encoded, crop, channels=3))

    crops = tf.data.Dataset.from_tensor_slices(np.array(windows, "int32")).repeat()
    shapes = crops.enumerate().map(decode, num_parallel_calls=tf.data.AUTOTUNE)
    batches = shapes.batch(BATCH).prefetch(tf.data.AUTOTUNE)
    return map(len, batches.with_options(tf_options(workers)))


def ours(root: Path, workers: int, epochs: int = ENDLESS) -> Iterator[int]:
    """The pipeline of this package."""
    from keras_senet.data.augmentation import PAPER
    from keras_senet.data.folder import folder
    from keras_senet.data.pipeline import training_batches

    batches = training_batches(
        folder(root),
        size=SIZE,
        batch_size=BATCH,
        seed=0,
        first_epoch=0,
        last_epoch=epochs,
        augmentation=PAPER,
        threads=workers,
    )
    return (len(labels) for _, labels in batches)


def keras_layers(root: Path, workers: int) -> Iterator[int]:
    """Keras' loader and layers; there is none for crops of random size.

    So it does less than the others: a crop of 224 out of 256 pixels.
    """
    import keras
    import tensorflow as tf

    change = keras.Sequential(
        [keras.layers.RandomCrop(SIZE, SIZE), keras.layers.RandomFlip("horizontal")]
    )
    images = keras.utils.image_dataset_from_directory(
        root / "train", batch_size=BATCH, image_size=(256, 256), verbose=False
    )
    batches = images.repeat().map(
        lambda x, labels: (change(x, training=True), labels), tf.data.AUTOTUNE
    )
    batches = batches.prefetch(tf.data.AUTOTUNE).with_options(tf_options(workers))
    return (len(labels) for _, labels in batches)


def pillow_transform(file: str, random: Any) -> Any:
    """What torchvision's RandomResizedCrop and RandomHorizontalFlip call in Pillow."""
    import numpy as np
    from PIL import Image

    with Image.open(file) as opened:
        image = opened.convert("RGB")
    top, left, height, width = window(random, image.height, image.width)
    box = (left, top, left + width, top + height)
    image = image.resize((SIZE, SIZE), Image.Resampling.BILINEAR, box)
    if random.random() < 0.5:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return np.asarray(image)


def opencv_transform(file: str, random: Any) -> Any:
    """The same by simplejpeg and OpenCV, whose bilinear resizing does no smoothing."""
    import cv2
    import simplejpeg

    cv2.setNumThreads(1)
    image = simplejpeg.decode_jpeg(Path(file).read_bytes())
    top, left, height, width = window(random, *image.shape[:2])
    crop = image[top : top + height, left : left + width]
    image = cv2.resize(crop, (SIZE, SIZE), interpolation=cv2.INTER_LINEAR)
    return cv2.flip(image, 1) if random.random() < 0.5 else image


class Files:
    """A data set as `torch.utils.data.DataLoader` wants it."""

    def __init__(self, files: list[str]) -> None:
        self.files, self.random = files, None

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        import numpy as np
        import torch

        # In the worker, or all would draw the same numbers.
        self.random = self.random or np.random.default_rng(torch.initial_seed())
        image = pillow_transform(self.files[index], self.random)
        return torch.from_numpy(image.copy()), 0


def torch_loader(root: Path, workers: int) -> Iterator[int]:
    """PyTorch's processes."""
    from torch.utils import data

    files = Files(listed(root))
    # Endless, since the beginning of an epoch takes time.
    order = data.RandomSampler(files, replacement=True, num_samples=ENDLESS * BATCH)
    loader = data.DataLoader(files, BATCH, sampler=order, num_workers=workers)
    return (len(labels) for _, labels in loader)


def grain_loader(
    transform: Callable[[str, Any], Any], root: Path, workers: int
) -> Iterator[int]:
    """Grain's processes."""
    import grain
    from absl import flags

    # Grain asks for flags, which its own programs get from `absl.app`.
    flags.FLAGS.mark_as_parsed()
    images = grain.MapDataset.source(listed(root)).seed(0).shuffle().repeat()
    batches = images.random_map(transform).to_iter_dataset().batch(BATCH)
    options = grain.MultiprocessingOptions(num_workers=workers)
    return map(len, batches.mp_prefetch(options))


OURS, CROPS, WHOLE = "keras_senet", "limit: the same crops", "limit: whole images, "
CONTENDERS: dict[str, Callable[[Path, int], Iterator[int]]] = {
    f"{WHOLE}simplejpeg": partial(whole_images, simplejpeg_decoder),
    f"{WHOLE}OpenCV": partial(whole_images, opencv_decoder),
    f"{WHOLE}imagecodecs": partial(whole_images, imagecodecs_decoder),
    CROPS: same_crops,
    OURS: ours,
    "Keras' loader and layers": keras_layers,
    "PyTorch, Pillow": torch_loader,
    "Grain, Pillow": partial(grain_loader, pillow_transform),
    "Grain, simplejpeg and OpenCV": partial(grain_loader, opencv_transform),
}

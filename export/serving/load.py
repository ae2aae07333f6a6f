"""Loads a server with requests and says how long they took.

    python load.py photo.jpg --requests 500 --concurrent 8
    python load.py photo.jpg --grpc --batch 4

Each of the concurrent threads sends its next request when the last is answered. The
first requests of each thread, which warm up connections and server, do not count.
"""

import argparse
import math
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from client import ServerError, add_arguments, client

WARM_UP = 2
PERCENTILES = (50, 90, 95, 99, 100)


def percentile(ordered, percent):
    """The smallest time that so many percent of the times do not exceed."""
    return ordered[max(math.ceil(percent / 100 * len(ordered)), 1) - 1]


def send(arguments, files, count, started):
    """Sends some requests; gives their seconds, and the errors."""
    seconds, errors = [], []
    connection = client(arguments)
    for number in range(-WARM_UP, count):
        if number == 0:
            started.wait()
        before = time.perf_counter()
        try:
            answers = connection.ask(files)
            bad = [answer["error"] for answer in answers if answer["error"]]
        except ServerError as error:
            bad = [str(error)]
        except BaseException:
            started.abort()  # Or the others would wait for ever.
            raise
        if number >= 0:
            seconds.append(time.perf_counter() - before)
            errors.extend(bad)
    return seconds, errors


def measure(arguments):
    """Seconds of all requests, all errors, and the seconds from start to end."""
    photos = [path.read_bytes() for path in arguments.photos]
    files = [photos[k % len(photos)] for k in range(arguments.batch)]
    threads = min(arguments.concurrent, arguments.requests)
    started = threading.Barrier(threads + 1)
    with ThreadPoolExecutor(threads) as pool:
        futures = []
        for thread in range(threads):
            count = len(range(thread, arguments.requests, threads))
            futures.append(pool.submit(send, arguments, files, count, started))
        started.wait()
        before = time.perf_counter()
        results = [future.result() for future in futures]
        total = time.perf_counter() - before
    seconds = sorted(second for result in results for second in result[0])
    return seconds, [error for result in results for error in result[1]], total


def main():
    """Prints throughput and latencies."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("photos", nargs="+", type=Path)
    add_arguments(parser)
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--concurrent", type=int, default=8)
    parser.add_argument("--batch", type=int, default=1, help="files in a request")
    arguments = parser.parse_args()
    if min(arguments.requests, arguments.concurrent, arguments.batch) < 1:
        parser.error("--requests, --concurrent and --batch should be at least 1")
    try:
        client(arguments).ask([arguments.photos[0].read_bytes()])
        seconds, errors, total = measure(arguments)
    except (OSError, ImportError, ServerError) as error:
        sys.exit(f"load.py: {error}")
    images = len(seconds) * arguments.batch
    print(f"{len(seconds)} requests of {arguments.batch}, {len(errors)} errors")
    print(f"{len(seconds) / total:.1f} requests/s, {images / total:.1f} images/s")
    for percent in PERCENTILES:
        print(f"p{percent:<3}  {1000 * percentile(seconds, percent):8.1f} ms")
    for error in sorted(set(errors))[:5]:
        print(f"error: {error}")
    sys.exit(bool(errors))


if __name__ == "__main__":
    main()

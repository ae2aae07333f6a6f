import gc

import pytest


@pytest.fixture(autouse=True)
def released(request):
    """Frees what a long test has converted: graphs hold themselves, and gigabytes."""
    yield
    if request.node.get_closest_marker("slow"):
        gc.collect()

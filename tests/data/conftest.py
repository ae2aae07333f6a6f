import pytest


@pytest.fixture(autouse=True, scope="module")
def all_of_them(graphs_as_they_are):
    """Tests of the pipeline are many small ones."""

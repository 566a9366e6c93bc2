"""What the tests of the server room share."""

import io
import sys

import pytest

from cgappliance import log


@pytest.fixture
def logged():
    """Return a function: all that was logged since the test began."""
    stream = io.StringIO()
    log.configure("debug", stream=stream)
    yield stream.getvalue
    log.configure(stream=sys.__stderr__)  # not pytest's, which is closed after each test

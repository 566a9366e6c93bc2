import pytest

from cgappliance.config.load import inspect
from cgappliance.config.store_url import problem_of_store
from cgappliance.errors import ConfigurationError
from cgappliance.store.engine import parse_url

from .kit import KINDS, Place

ABSOLUTE = "a SQLite store needs the absolute path of a file"


@pytest.mark.parametrize(
    "url", ["sqlite:////var/lib/store.db", "postgresql://u@h/d", "postgresql+psycopg://u:p%40@[::1]:5432/d?sslmode=require"]
)
def test_database_that_is_supported(url: str):
    assert problem_of_store(url) is None
    assert parse_url(url).drivername in ("sqlite", "postgresql+psycopg")


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("store.db", "not a database URL"),
        ("mysql://u:hunter2@h/d", "'mysql' is not supported"),
        ("sqlite://", ABSOLUTE),
        ("sqlite:///store.db", ABSOLUTE),
        ("sqlite:///:memory:", ABSOLUTE),
    ],
)
def test_check_and_serve_refuse_it_in_the_same_words(place: Place, url: str, problem: str):
    place.toml.write_text(f'store = "{url}"\n{place.toml.read_text()}')
    (told,) = inspect(place.toml, KINDS).appliance
    assert told.problem.startswith(problem)
    with pytest.raises(ConfigurationError) as refused:
        parse_url(url)
    assert str(refused.value) == f"store: {told.problem} ({told.remedy})"
    assert "hunter2" not in str(told)

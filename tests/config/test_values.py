from cgappliance.config.load import load
from cgappliance.config.problem import Problem
from cgappliance.config.values import Config

from .kit import KINDS, Place


def test_problems_of_a_config_are_in_reading_order(place: Place):
    settings = load(place.toml, KINDS).settings
    first, second, third = Problem("a", 1, "", "p", ""), Problem("a", 9, "", "p", ""), Problem("b", 2, "", "p", "")
    assert Config(settings, broken={"b": (third,), "a": (second,)}, warnings=(first,)).problems == (first, second, third)

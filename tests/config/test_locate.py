"""The walk is held against tomllib: it must find exactly tomllib's keys, and each value must stand on the line it names."""

import itertools
import tomllib
from typing import Any

import pytest
import tomli_w
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cgappliance.config.locate import locate, nearest_line

DOCUMENT = """\
# a comment with [brackets] and = signs
name = "ACME"
domains = [ # why
  "a.example", "b.example",

  # not an item: "x"
  "c.example",
]
site.address.city = "京都"

[listen]
"host\\u0020name" = 'x' # = "y"
'literal.key' = 1979-05-27 07:32:00
empty = []
points = { x = 1, y = [2,
  3] }
text = \"\"\"
[not.a.table]
key = 1 \\\" \"\"\"\"\"
raw = '''
[[nor this]]
''''

[[rule]]
name = "first"
[rule.when]
days = [[1,
2], [3]]

[[rule]]
name = "second"
[[rule.step]]
go = true
[[rule.step]]
go = false
[rule.when]
days = []

[auth.pool] # a table inside one that has no header
size = 0x10
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("name",), 2),
        (("domains",), 3),
        (("domains", 1), 4),
        (("domains", 2), 7),
        (("site", "address", "city"), 9),
        (("site",), 9),
        (("listen",), 11),
        (("listen", "host name"), 12),
        (("listen", "literal.key"), 13),
        (("listen", "empty"), 14),
        (("listen", "points", "y", 1), 16),
        (("listen", "text"), 17),
        (("listen", "raw"), 20),
        (("rule",), 24),
        (("rule", 0, "name"), 25),
        (("rule", 0, "when"), 26),
        (("rule", 0, "when", "days", 0, 1), 28),
        (("rule", 0, "when", "days", 1, 0), 28),
        (("rule", 1), 30),
        (("rule", 1, "step", 1), 34),
        (("rule", 1, "step", 1, "go"), 35),
        (("rule", 1, "when", "days"), 37),
        (("auth",), 39),
        (("auth", "pool", "size"), 40),
    ],
)
def test_each_kind_of_statement_is_found(path: tuple[str | int, ...], line: int):
    assert locate(DOCUMENT)[path] == line


def test_windows_line_ends_count_as_one_line():
    assert locate(DOCUMENT.replace("\n", "\r\n")) == locate(DOCUMENT)


def test_empty_document_has_no_keys():
    assert locate("") == {}
    assert locate("\n # only a comment") == {}


def test_nearest_line_is_that_of_the_innermost_known_table():
    lines = {("listen",): 4, ("listen", "imaps"): 6}
    assert nearest_line(lines, ("listen", "imaps")) == 6
    assert nearest_line(lines, ("listen", "pop3s")) == 4
    assert nearest_line(lines, ("auth", "servers", 0)) == 1


def flatten(value: Any, path: tuple[str | int, ...] = ()) -> dict[tuple[str | int, ...], Any]:
    """Every path of a parsed document, with its value where that is no table or list."""
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = {path: None if isinstance(value, dict | list) else value} if path else {}
    for name, child in children:
        found |= flatten(child, (*path, name))
    return found


KEYS = st.text(min_size=1, max_size=4) | st.sampled_from(["a", "b", "a.b", "[a]", "#", "=", '"', "'", "\\", "\n", "\u3042"])
STRINGS = st.text(alphabet=st.sampled_from(list("ab \"'\\\n\t#=[]{},.\u3042")), max_size=12)
SCALARS = (
    st.integers(-(2**62), 2**62) | st.booleans() | STRINGS | st.floats(allow_nan=False) | st.dates() | st.datetimes() | st.times()
)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=12)
DOCUMENTS = st.dictionaries(KEYS, VALUES, max_size=5)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(DOCUMENTS, st.booleans())
def test_keys_of_any_written_document_are_those_of_tomllib(data: dict[str, Any], multiline: bool):
    text = tomli_w.dumps(data, multiline_strings=multiline)
    assert locate(text).keys() == flatten(tomllib.loads(text)).keys()


class Writer:
    """Writes a document the way people do, unevenly; every value is a number that occurs once."""

    def __init__(self, draw: Any) -> None:
        self.draw = draw
        self.numbers = itertools.count(1000001)

    def gap(self, inside: bool = False) -> str:
        choices = ["", " ", "\t", "  "] + (["\n", " # = [x] }\n\n", "\r\n  "] if inside else [])
        return self.draw(st.sampled_from(choices))

    def name(self) -> str:
        return self.draw(st.sampled_from(["a", "b-c", '"d.e"', "'f]'", "1", '"\\u0041"', '""']))

    def dotted(self) -> str:
        return f"{self.gap()}.{self.gap()}".join(self.name() for _ in range(self.draw(st.integers(1, 3))))

    def pair(self, depth: int) -> str:
        return f"{self.dotted()}{self.gap()}={self.gap()}{self.value(depth)}"

    def value(self, depth: int) -> str:
        number = next(self.numbers)
        kinds = ["number", "text", "raw", "long", "long raw"] + (["list", "table"] if depth else [])
        match self.draw(st.sampled_from(kinds)):
            case "list":
                items = [self.gap(True) + self.value(depth - 1) + self.gap(True) for _ in range(self.draw(st.integers(0, 3)))]
                return f"[{','.join(items)}{',' if items and self.draw(st.booleans()) else self.gap(True)}]"
            case "table":
                pairs = [self.gap() + self.pair(depth - 1) + self.gap() for _ in range(self.draw(st.integers(0, 2)))]
                return f"{{{','.join(pairs)}}}"
            case "text":
                return f'"{number} \\" # ] }} \\\\"'
            case "raw":
                return f"'{number} \\ # ] }} \"'"
            case "long":
                return f'"""{number}\n[x]\n""\\"""" """""'
            case "long raw":
                return f"'''{number}\n[x]\n'' '''''"
        return str(number)

    def document(self) -> str:
        lines = []
        for _ in range(self.draw(st.integers(1, 7))):
            brackets = self.draw(st.sampled_from([0, 0, 0, 1, 2]))
            if brackets:
                lines.append(f"{'[' * brackets}{self.gap()}{self.dotted()}{self.gap()}{']' * brackets}")
            else:
                lines.append(f"{self.gap()}{self.pair(2)}")
            lines[-1] += self.draw(st.sampled_from(["", " ", " # [c]", "\n", "\n# x = 1"]))
        return "\n".join(lines) + self.draw(st.sampled_from(["", "\n"]))


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(st.data())
def test_each_value_of_any_accepted_document_stands_on_its_line(data: st.DataObject):
    text = Writer(data.draw).document()
    try:
        values = flatten(tomllib.loads(text))
    except tomllib.TOMLDecodeError:
        return  # two statements that contradict each other: the walk is not asked about those
    lines = locate(text)
    assert lines.keys() == values.keys()
    for path, value in values.items():
        if value is not None:
            assert str(value)[:7] in text.split("\n")[lines[path] - 1]

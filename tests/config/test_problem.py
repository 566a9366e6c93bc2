import pytest

from cgappliance.config.problem import Problem, Severity, render_key, sort_key, split_remedy


def test_problem_reads_as_place_key_problem_remedy():
    problem = Problem("conf.d/acme.toml", 12, "auth.servers[0]", "scheme 'http' not allowed", "use ldaps://")
    assert str(problem) == "conf.d/acme.toml:12: auth.servers[0]: scheme 'http' not allowed (use ldaps://)"
    assert problem.is_error


def test_problem_leaves_out_what_it_has_not():
    assert str(Problem("conf.d/acme.toml", 0, "", "cannot be read", "")) == "conf.d/acme.toml: cannot be read"


def test_warning_says_so():
    problem = Problem("a.toml", 3, "listen.certificate", "ends in 3 days", "renew it", Severity.WARNING)
    assert str(problem) == "a.toml:3: warning: listen.certificate: ends in 3 days (renew it)"
    assert not problem.is_error


def test_problems_sort_by_file_then_line_as_a_number():
    wanted = [Problem("a", 2, "k", "p", ""), Problem("a", 10, "k", "p", ""), Problem("b", 1, "k", "p", "")]
    assert sorted([wanted[2], wanted[1], wanted[0]], key=sort_key) == wanted


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ((), ""),
        (("name",), "name"),
        (("auth", "servers", 0), "auth.servers[0]"),
        (("profiles", "head office", "remote_ips", 2), 'profiles."head office".remote_ips[2]'),
        (("profiles", "本社"), 'profiles."本社"'),
        (("a", 0, 1, "b"), "a[0][1].b"),
    ],
)
def test_key_is_rendered_as_it_would_be_written(path: tuple[str | int, ...], text: str):
    assert render_key(path) == text


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("too short (use 8)", ("too short", "use 8")),
        ("odd (a) value (write (b) or (c))", ("odd (a) value", "write (b) or (c)")),
        ("no remedy", ("no remedy", "")),
        ("unbalanced)", ("unbalanced)", "")),
        ("(only this)", ("", "only this")),
    ],
)
def test_a_checks_text_splits_at_its_last_parenthesis(text: str, parts: tuple[str, str]):
    assert split_remedy(text) == parts

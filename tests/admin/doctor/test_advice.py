import re

import click
import pytest

from cgappliance.admin.doctor.advice import ADVICE
from cgappliance.cli import main
from cgappliance.model import Outcome, Reason

#: Reasons that are nobody's matter but the appliance's or Google's, or that pass by themselves.
PASSING = {
    *(Reason.ACCEPTED, Reason.BACKEND_FAILED, Reason.PROVIDER_FAILED, Reason.STORE_UNAVAILABLE, Reason.TOKEN_UNAVAILABLE),
    *(Reason.DIRECTORY_UNAVAILABLE, Reason.DIRECTORY_TIMEOUT, Reason.DIRECTORY_MISCONFIGURED, Reason.THROTTLED, Reason.SHUTDOWN),
    *(Reason.UPSTREAM_UNAVAILABLE, Reason.UPSTREAM_TIMEOUT, Reason.UPSTREAM_TLS, Reason.UPSTREAM_PROTOCOL),
    *(Reason.UPSTREAM_TEMPORARY, Reason.UPSTREAM_THROTTLED),
}


def test_every_refusal_has_advice():
    assert {reason for reason in Reason if reason.outcome is Outcome.REFUSED and reason not in ADVICE} == set()


def test_every_reason_has_advice_or_passes():
    assert {reason for reason in Reason if reason not in ADVICE and reason not in PASSING} == set()
    assert set(ADVICE) & PASSING == set()


@pytest.mark.parametrize("reason", ADVICE)
def test_commands_that_are_advised_exist(reason: Reason):
    for words in re.findall(r"cgappliance ([a-z-]+) ([a-z-]+)", ADVICE[reason]):
        group = main.get_command(click.Context(main), words[0])
        assert isinstance(group, click.Group)
        assert group.get_command(click.Context(group), words[1]), words

import pytest
from cgappliance_google.key_record import made_at

from cgappliance.plugin_api import GoogleFault, GoogleRefused
from cgappliance.testing.gmail import ServiceAccount


def test_certificate_tells_when_the_key_was_made(shared_service_account: ServiceAccount):
    found = made_at(shared_service_account.certificates(), shared_service_account.key_id)

    assert found is not None
    assert found.timestamp() == int(shared_service_account.made_at)


def test_key_that_is_not_in_the_record_has_no_date():
    assert made_at({}, "key") is None


@pytest.mark.parametrize("text", ["", "no certificate", None])
def test_record_without_certificate_is_refused(text: object):
    with pytest.raises(GoogleRefused) as refused:
        made_at({"key": text}, "key")

    assert refused.value.fault is GoogleFault.INVALID

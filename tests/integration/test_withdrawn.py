"""Somebody who is disabled, or deleted, in the directory while a mail client is connected."""

import imaplib
import ssl

import pytest

from cgappliance.testing.lab.process import wait_until
from cgappliance.testing.lab.world import TARO, YUKI, World


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with World(tmp_path_factory.mktemp("world"), limits={"directory_recheck_s": 0.5}) as world:
        yield world


def connected(world, person):
    context = ssl.create_default_context(cafile=str(world.authority.ca_file))
    client = imaplib.IMAP4_SSL("localhost", world.ports.imaps, ssl_context=context, timeout=10)
    client.authenticate("PLAIN", lambda _: f"\0{person.address}\0{person.password}".encode())
    return client


def accounts(world):
    return {session["account"] for session in world.appliance.ask("sessions")}


CHANGES = {
    "disabled": "changetype: modify\nadd: pwdAccountLockedTime\npwdAccountLockedTime: 000001010000Z\n",
    "gone": "changetype: delete\n",
}


@pytest.mark.parametrize("change", CHANGES)
def test_session_of_who_is_withdrawn_ends_and_others_stay(world, change):
    victim, other = connected(world, TARO), connected(world, YUKI)
    wait_until(lambda: accounts(world) == {TARO.address, YUKI.address}, "both connected", 5)
    world.slapd.modify(f"dn: uid=taro,ou=people,{world.slapd.base_dn}\n{CHANGES[change]}")
    wait_until(lambda: accounts(world) == {YUKI.address}, "the withdrawn one is sent away", 10)
    with pytest.raises(imaplib.IMAP4.abort):
        victim.noop()
    victim.shutdown()
    assert other.noop()[0] == "OK"
    other.logout()
    if change == "disabled":
        world.slapd.modify(f"dn: uid=taro,ou=people,{world.slapd.base_dn}\nchangetype: modify\ndelete: pwdAccountLockedTime\n")

"""A plugin that does what no plugin should. ``test_plugins_fenced.py`` installs it beside the appliance.

What it does to a login stands in the address: ``raises@bad.example`` meets a backend, or a provider, that raises.
"""

import contextlib
import os
import sys
from dataclasses import replace

import gevent
from gevent import GreenletExit

from cgappliance.plugin_api import (
    AuthAnswer,
    BackendKind,
    Grant,
    GrantMechanism,
    LoginFailed,
    ProviderKind,
    Reason,
    Secret,
    Setting,
    SettingType,
    hookimpl,
)

FOR_EVER_S = 3600
SLOW_S = 0.3


class TimeOutOfItsOwn(gevent.Timeout):
    pass


def raise_(error):
    raise error


def hang():
    gevent.sleep(FOR_EVER_S)


def hang_on():
    while True:
        with contextlib.suppress(Exception):  # what a careless plugin does with the host's time-out
            hang()


def recurse():
    recurse()


#: by the address's local part, given what would be right and a secret
BEHAVIOURS = {
    "raises": lambda good, secret: raise_(RuntimeError(f"the password is {secret}")),  # its words must not reach the log
    "exits": lambda good, secret: sys.exit(3),
    "interrupts": lambda good, secret: raise_(KeyboardInterrupt()),
    "kills": lambda good, secret: raise_(GreenletExit()),
    "times-out": lambda good, secret: raise_(TimeOutOfItsOwn(1)),
    "refuses": lambda good, secret: raise_(LoginFailed(Reason.DIRECTORY_UNAVAILABLE, "said by the plugin")),
    "hangs": lambda good, secret: hang(),
    "hangs-on": lambda good, secret: hang_on(),
    "slow": lambda good, secret: gevent.sleep(SLOW_S) or good,
    "none": lambda good, secret: None,
    "true": lambda good, secret: True,
    "text": lambda good, secret: "accepted",
    "recurses": lambda good, secret: recurse(),
    "good": lambda good, secret: good,
}


def misbehave(address, good, secret):
    return BEHAVIOURS[address.partition("@")[0]](good, secret)


class Backend:
    def __init__(self, context):
        self._settings = context.settings

    def start(self):
        pass

    def stop(self):
        pass

    def authenticate(self, credentials, timeout_s):
        if credentials.password.reveal().startswith("wrong"):
            return AuthAnswer(Reason.WRONG_PASSWORD)
        return misbehave(credentials.address, AuthAnswer(Reason.ACCEPTED), credentials.password.reveal())


class Trusting(Backend):
    """Lets everybody in, for tenants whose provider is the culprit."""

    def authenticate(self, credentials, timeout_s):
        return AuthAnswer(Reason.ACCEPTED)


class Provider:
    def __init__(self, context):
        pass

    def start(self):
        pass

    def stop(self):
        pass

    def grant(self, address, protocol, *, fresh, timeout_s):
        good = Grant(GrantMechanism.PASSWORD, address, Secret("app password"))
        return misbehave(address, good, "app password")


class RaisesAtStart(Backend):
    def start(self):
        raise RuntimeError("cannot start")


class ExitsAtStart(Backend):
    def start(self):
        sys.exit(3)


class RaisesAtStop(Backend):
    def stop(self):
        raise RuntimeError("cannot stop")


def raises_at_make(context):
    raise RuntimeError("cannot be made")


def exits_at_make(context):
    sys.exit(3)


def takes_the_worker_along(context):
    os._exit(9)  # as a library that crashes does; no fence holds that


def exits(_):
    sys.exit(3)


def raises(_):
    raise RuntimeError("broken check")


SETTING = Setting("word", SettingType.STRING, "A word.", default="word")

CHECKED_BADLY = [
    BackendKind("exits-at-check", Backend, check=exits),
    BackendKind("raises-at-check", Backend, check=raises),
    BackendKind("checks-to-nonsense", Backend, check=lambda settings: 5),
    BackendKind("finds-nonsense", Backend, check=lambda settings: ["wrong"]),
    BackendKind("exits-at-setting", Backend, (replace(SETTING, check=exits),)),
    BackendKind("nonsense-at-setting", Backend, (replace(SETTING, check=lambda value: 5),)),
]


@hookimpl
def cgappliance_auth_backends():
    return [
        *CHECKED_BADLY,
        BackendKind("misbehaving", Backend),
        BackendKind("trusting", Trusting),
        BackendKind("raises-at-make", raises_at_make),
        BackendKind("exits-at-make", exits_at_make),
        BackendKind("takes-the-worker-along", takes_the_worker_along),
        BackendKind("raises-at-start", RaisesAtStart),
        BackendKind("exits-at-start", ExitsAtStart),
        BackendKind("raises-at-stop", RaisesAtStop),
    ]


@hookimpl
def cgappliance_credential_providers():
    return [ProviderKind("misbehaving", Provider)]

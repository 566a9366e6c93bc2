"""The backend ``openldap``: mail logins are checked against OpenLDAP, or any directory of RFC 4511, through python-ldap.

Reading order: ``backend`` (one login, top to bottom), ``verbs`` (what is asked), ``policy`` (why a password was refused),
``connection`` (deadlines, TLS), ``engine`` (how libldap is kept from waiting), ``escape`` and ``settings``. For administrators:
``people`` (the directory as a whole), ``manager`` (changes), ``entries`` (what an entry says). For users: ``own_password``.
"""

from cgappliance.plugin_api import BackendKind, hookimpl
from cgappliance_openldap.backend import OpenLdapBackend
from cgappliance_openldap.manager import ManagedPeople
from cgappliance_openldap.own_password import OwnPassword
from cgappliance_openldap.settings import SETTINGS, check


@hookimpl
def cgappliance_auth_backends() -> list[BackendKind]:
    """Register the one kind of this plugin."""
    return [BackendKind("openldap", OpenLdapBackend, SETTINGS, check, ManagedPeople, OwnPassword)]

"""The settings of ``backend = "openldap"``, and what can be wrong with them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import closing
from typing import Any

import ldap
import ldap.dn

from cgappliance.plugin_api import DIRECTORY_SETTINGS, Mistake, Setting, SettingType, check_directory
from cgappliance_openldap.connection import tls_context, words
from cgappliance_openldap.engine import Engine
from cgappliance_openldap.verbs import SCOPES

ATTRIBUTE = re.compile(r"[A-Za-z][A-Za-z0-9-]*|\d+(\.\d+)+")  # RFC 4512 1.4: keystring or numericoid
PLACEHOLDER = re.compile(r"%[su]|\{\w*\}")  # what other programs put in the place of the address
DN_EXAMPLE = "write it like ou=people,dc=example,dc=com"


def _attribute(name: str) -> str | None:
    return None if ATTRIBUTE.fullmatch(name) else f"{name!r} is no name of an attribute (use letters, digits and hyphens)"


def _dn(text: str) -> str | None:
    return None if ldap.dn.is_dn(text) else f"{text!r} is no distinguished name ({DN_EXAMPLE})"


def _filter(text: str) -> str | None:
    if PLACEHOLDER.search(text):
        return "the filter has a place for the address (leave it out; the test of mail_attribute is added to the filter)"
    if not text.startswith("("):
        return "the filter does not begin with a parenthesis (write it like (objectClass=inetOrgPerson))"
    with closing(Engine()) as engine:
        try:
            engine.send(lambda handle: handle.search_ext("", ldap.SCOPE_BASE, text))
        except ldap.LDAPError as error:
            return f"{words(error).lower()} (check its parentheses and operators, RFC 4515)"
    return None


SETTINGS = (
    *DIRECTORY_SETTINGS,
    Setting(
        "mail_attribute",
        SettingType.STRING,
        "Attribute that holds the mail address.",
        default="mail",
        check=_attribute,
    ),
    Setting(
        "filter",
        SettingType.STRING,
        "Entries that may log in; the test of mail_attribute is added to it.",
        default="(objectClass=inetOrgPerson)",
        check=_filter,
    ),
    Setting(
        "scope",
        SettingType.STRING,
        "Whether entries are searched for in the whole tree under base_dn, or right under it only.",
        default="subtree",
        choices=tuple(SCOPES),
    ),
    Setting(
        "required_group",
        SettingType.STRING,
        "DN of a group (groupOfNames or groupOfUniqueNames) whose members may log in; absent: everybody may.",
        default=None,
        check=_dn,
    ),
    Setting(
        "disabled_attribute",
        SettingType.STRING,
        "Attribute by which an entry is switched off; account sync reads it, and account disable --in-directory writes it.",
        default="pwdAccountLockedTime",
        check=_attribute,
    ),
    Setting(
        "disabled_value",
        SettingType.STRING,
        "Value of disabled_attribute in an entry that is switched off; the default is slapo-ppolicy's for locked without end.",
        default="000001010000Z",
    ),
    Setting(
        "people_dn",
        SettingType.STRING,
        "Where account create --in-directory puts new entries; absent: right under base_dn.",
        default=None,
        check=_dn,
    ),
    Setting(
        "object_classes",
        SettingType.STRINGS,
        "Object classes of new entries.",
        default=("inetOrgPerson",),
        minimum=1,
        item_check=_attribute,
    ),
    Setting(
        "manager_dn",
        SettingType.STRING,
        "The account that makes and changes entries; absent: bind_dn does.",
        default=None,
        check=_dn,
    ),
    Setting(
        "manager_password_file",
        SettingType.SECRET_FILE,
        "File with the password of manager_dn.",
        default=None,
    ),
)


def check(settings: Mapping[str, Any]) -> list[Mistake]:
    """Return what is wrong with settings that are good one by one."""
    mistakes = check_directory(settings)
    for key in ("base_dn", "bind_dn"):
        if _dn(settings[key]):
            mistakes.append(Mistake(key, f"{settings[key]!r} is no distinguished name", DN_EXAMPLE))
    if not settings["bind_password_file"]:
        mistakes.append(Mistake("bind_password_file", "the file is empty", f"put the password of {settings['bind_dn']} into it"))
    if bool(settings["manager_dn"]) != bool(settings["manager_password_file"]):
        missing = "manager_password_file" if settings["manager_dn"] else "manager_dn"
        mistakes.append(Mistake(missing, "only one of manager_dn and manager_password_file is given", f"add {missing}"))
    if settings["ca_file"] is not None:
        mistakes.extend(_check_ca(settings["ca_file"]))
    return mistakes


def _check_ca(ca_file: Any) -> list[Mistake]:
    try:
        tls_context(ca_file)
    except OSError:  # ssl.SSLError is one
        return [Mistake("ca_file", f"no certificate can be read from {ca_file}", "give a file of certificates in PEM")]
    return []

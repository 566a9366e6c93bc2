"""Make an Active Directory domain in a folder and fill it with records: run by ``samba.py``, never imported.

Samba's Python modules exist for the system's interpreter only, so this file runs under ``/usr/bin/python3 -I`` and imports
nothing of the project. Calling ``provision`` instead of ``samba-tool domain provision`` leaves out the file server's access
lists, which need root and a package more, and which no LDAP client ever sees.

It reads one JSON object from standard input: ``folder``, ``realm``, ``domain``, ``hostname``, ``password`` (the administrator's)
and ``ldif``, a list of objects with ``text`` (changes in LDIF) and ``controls`` (ldb's names of request controls).
"""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path

from samba import dsdb  # type: ignore[import-not-found]  # of the system's interpreter, not of ours
from samba.auth import system_session  # type: ignore[import-not-found]
from samba.param import LoadParm  # type: ignore[import-not-found]
from samba.provision import provision  # type: ignore[import-not-found]


def main() -> None:
    """Provision and fill."""
    wanted = json.load(sys.stdin)
    parameters = LoadParm()
    empty = Path(wanted["folder"], "empty.conf")  # or the machine's own /etc/samba/smb.conf would be read and rewritten
    empty.touch()
    parameters.load(str(empty))
    made = provision(
        logging.getLogger("provision"),
        system_session(),
        targetdir=wanted["folder"],
        realm=wanted["realm"],
        domain=wanted["domain"],
        hostname=wanted["hostname"],
        hostip="127.0.0.1",
        adminpass=wanted["password"],
        serverrole="active directory domain controller",
        dns_backend="NONE",
        dom_for_fun_level=dsdb.DS_DOMAIN_FUNCTION_2008_R2,
        useeadb=True,
        skip_sysvolacl=True,
        lp=parameters,
    )
    for changes in wanted["ldif"]:
        made.samdb.modify_ldif(changes["text"], controls=changes["controls"])


if __name__ == "__main__":
    main()

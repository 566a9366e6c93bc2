from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from cgappliance.testing.lab import samba
from cgappliance.testing.lab.process import clean_environment

SCRIPT = Path(samba.__file__).with_name("samba_provision.py")

pytestmark = [pytest.mark.integration, pytest.mark.skipif(bool(samba.unavailable()), reason=samba.unavailable())]


def test_change_that_samba_refuses_ends_the_script_with_its_reason(tmp_path: Path) -> None:
    wanted = {
        "folder": str(tmp_path),
        "realm": "AD.LAB.TEST",
        "domain": "ADLAB",
        "hostname": "dc1",
        "password": "Passw0rd!of.admin",
        "ldif": [{"text": "dn: CN=nobody,DC=ad,DC=lab,DC=test\nchangetype: modify\nreplace: cn\ncn: x\n", "controls": []}],
    }
    argv = [samba.SYSTEM_PYTHON, "-I", SCRIPT]
    done = subprocess.run(argv, input=json.dumps(wanted), capture_output=True, text=True, env=clean_environment(), check=False)
    assert done.returncode != 0
    assert "CN=nobody" in done.stderr

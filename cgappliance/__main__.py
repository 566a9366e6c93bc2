"""The process entry: gevent's monkey patching first, then the command line. Nothing else in the project patches.

Rules of this file: no import may stand above ``patch_all``, and no other module may call it; a library that patches whoever
imports it cannot be tested unpatched.
"""

from gevent import monkey

monkey.patch_all()

# ruff: noqa: E402 - the whole point of this file is that these imports come after the patching
import sys

from cgappliance import tls_errors
from cgappliance.cli import main

tls_errors.install()

if __name__ == "__main__":
    sys.exit(main())

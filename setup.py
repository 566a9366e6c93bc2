"""Packaging of the core; ``plugins/*/setup.py`` package the bundled plugins the same way."""

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
VERSION = re.search(r'__version__ = "(.+)"', (HERE / "cgappliance/__init__.py").read_text())[1]

setup(
    name="cgappliance",
    version=VERSION,
    description="Multi-tenant POP3S, IMAPS and SMTPS authenticating proxy in front of Gmail",
    license="MIT",
    python_requires=">=3.11",
    packages=find_packages(include=["cgappliance", "cgappliance.*"]),
    # by type: folders of a work tree also hold what Python and editors leave there
    package_data={
        "cgappliance": [
            "py.typed",
            "store/migrations/**/*.py",
            "store/migrations/*.mako",
            "web/static/**/*.css",
            "web/static/**/*.js",
            "web/static/**/*.svg",
            "web/templates/**/*.html",
            "web/translations/**/*.po",
        ]
    },
    install_requires=[
        "alembic>=1.16",
        "argon2-cffi>=21.3",
        "babel>=2.14",
        "click>=8.1",
        "cryptography>=42",
        "defusedxml>=0.7.1",
        "dnspython>=2.6",
        "flask>=3",
        "gevent>=24.2",
        "inotify-simple>=2.0",
        "pluggy>=1.5",
        "prometheus-client>=0.20",
        "psycopg[binary,pool]>=3.2",
        "pyOpenSSL>=24",
        "pyotp>=2.9",
        "segno>=1.6",
        "sqlalchemy>=2.0.40",
        "structlog>=24",
        "zxcvbn>=4.4.28",
    ],
    extras_require={
        "testing": [
            "aiosmtpd>=1.4.6",
            "pytest>=8",
            "hypothesis>=6.100",
            "psutil>=6",
            "tomli-w>=1.1",
            "trustme>=1.1",
            "google-auth>=2.40",
            "requests>=2.31",
        ],
    },
    entry_points={"console_scripts": ["cgappliance = cgappliance.__main__:main"]},
)

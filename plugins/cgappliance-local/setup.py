"""Packaging of the local backend: this file is all that makes a package a plugin (the entry point in the last line)."""

from setuptools import find_packages, setup

setup(
    name="cgappliance-local",
    version="0.1.0",
    description="Checks mail logins of cgappliance against a file of addresses and password hashes",
    license="MIT",
    python_requires=">=3.11",
    packages=find_packages(include=["cgappliance_local", "cgappliance_local.*"]),
    package_data={"cgappliance_local": ["py.typed"]},
    install_requires=["cgappliance>=0.1,<1", "gevent>=22.10", "argon2-cffi>=21.3"],
    entry_points={"cgappliance": ["local = cgappliance_local"]},
)

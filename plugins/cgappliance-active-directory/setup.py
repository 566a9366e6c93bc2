"""Packaging of the Active Directory backend."""

from setuptools import find_packages, setup

setup(
    name="cgappliance-active-directory",
    version="0.1.0",
    description="Checks mail logins of cgappliance against Microsoft Active Directory",
    license="MIT",
    python_requires=">=3.11",
    packages=find_packages(include=["cgappliance_active_directory", "cgappliance_active_directory.*"]),
    package_data={"cgappliance_active_directory": ["py.typed"]},
    install_requires=["cgappliance>=0.1,<1", "gevent>=22.10", "ldap3>=2.9.1"],
    entry_points={"cgappliance": ["active-directory = cgappliance_active_directory"]},
)

"""Packaging of the OpenLDAP backend."""

from setuptools import find_packages, setup

setup(
    name="cgappliance-openldap",
    version="0.1.0",
    description="Checks mail logins of cgappliance against OpenLDAP",
    license="MIT",
    python_requires=">=3.11",
    packages=find_packages(include=["cgappliance_openldap", "cgappliance_openldap.*"]),
    package_data={"cgappliance_openldap": ["py.typed"]},
    install_requires=["cgappliance>=0.1,<1", "gevent>=22.10", "python-ldap>=3.4.3"],
    entry_points={"cgappliance": ["openldap = cgappliance_openldap"]},
)

"""Packaging of the Google credential providers."""

from setuptools import find_packages, setup

setup(
    name="cgappliance-google",
    version="0.1.0",
    description="Google-side credentials for cgappliance: access tokens by service account, app passwords, managed passwords",
    license="MIT",
    python_requires=">=3.11",
    packages=find_packages(include=["cgappliance_google", "cgappliance_google.*"]),
    package_data={"cgappliance_google": ["py.typed"]},
    install_requires=["cgappliance>=0.1,<1", "cryptography>=42", "gevent>=24.2", "google-auth>=2.40", "requests>=2.31"],
    entry_points={"cgappliance": ["google = cgappliance_google"]},
)

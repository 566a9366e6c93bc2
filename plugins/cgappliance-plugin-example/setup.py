"""Packaging of the example: the entry point in the last line is what makes a package a plugin."""

from setuptools import setup

setup(
    name="cgappliance-example",
    version="1.0.0",
    description="An example of a plugin for cgappliance: one password for everybody",
    python_requires=">=3.11",
    packages=["cgappliance_example"],
    install_requires=["cgappliance>=0.1,<1"],
    entry_points={"cgappliance": ["example = cgappliance_example"]},
)

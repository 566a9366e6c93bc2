"""The appliance's settings and the tenant files: TOML text to frozen values, or to every mistake with file and line.

Read ``load.py`` first. It is not imported here: plugins import ``setting.py``, and ``load.py`` needs to know the plugins.
"""

from cgappliance.config.problem import Problem, Severity
from cgappliance.config.values import DEFAULT_PATH, Config, Limits, LogSettings, Settings

__all__ = ["DEFAULT_PATH", "Config", "Limits", "LogSettings", "Problem", "Settings", "Severity"]

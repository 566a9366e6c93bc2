"""The tenant administrator's site: one module for each group of pages, all on one blueprint."""

import importlib
from typing import Final

from cgappliance.web.admin.pages import blueprint

__all__ = ["blueprint"]

#: Each adds its pages to the blueprint when it is imported.
PAGES: Final = (
    "sign_in",
    "dashboard",
    "accounts",
    "people",
    "sync",
    "bulk",
    "csv_files",
    "google",
    "bypass",
    "profiles",
    "history",
    "explain",
    "sessions",
    "audit",
)

for _name in PAGES:
    importlib.import_module(f"{__name__}.{_name}")

"""Discovery: which kinds of backend and provider the installed plugins register.

Plugins are found by the entry point group ``cgappliance``. A misspelt hook, a plugin that cannot be imported and two kinds of
one name are errors at start, not surprises at the first login.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import pluggy
from gevent import GreenletExit

from cgappliance import hookspecs
from cgappliance.errors import PluginError
from cgappliance.plugin_api import BackendKind, ProviderKind

Kind = TypeVar("Kind", BackendKind, ProviderKind)

#: What a plugin's code can raise by mistake. The last three are no ``Exception``: two of them would end the whole process, with all
#: tenants in it, and the last a login without a word.
BROKEN = (Exception, SystemExit, KeyboardInterrupt, GreenletExit)


@dataclass(frozen=True, slots=True)
class Kinds:
    """Everything that tenant files can name."""

    backends: Mapping[str, BackendKind] = field(default_factory=dict)
    providers: Mapping[str, ProviderKind] = field(default_factory=dict)


def discover(extra: Iterable[object] = ()) -> Kinds:
    """Load all installed plugins, and ``extra`` plugin objects, and return what they register. Imports code; call once at start.

    Raises:
        PluginError: a plugin cannot be imported, misspells a hook, fails while registering, or takes a name twice.
    """
    manager = pluggy.PluginManager(hookspecs.NAME)
    manager.add_hookspecs(hookspecs)
    try:
        manager.load_setuptools_entrypoints(hookspecs.NAME)
        for plugin in extra:
            manager.register(plugin)
        manager.check_pending()
    except BROKEN as error:  # the import of a plugin can raise anything; the operator needs to know which start failed
        raise PluginError(f"plugins: {error} (remove or repair the plugin's package)") from error
    return Kinds(
        backends=_collect(manager.hook.cgappliance_auth_backends),
        providers=_collect(manager.hook.cgappliance_credential_providers),
    )


def _collect(hook: Callable[[], list[Iterable[Kind]]]) -> dict[str, Kind]:
    try:
        groups = hook()
    except BROKEN as error:
        raise PluginError(f"plugins: a registering hook failed: {error!r}") from error
    kinds: dict[str, Kind] = {}
    for kind in (kind for group in groups for kind in group):
        if kind.name in kinds:
            raise PluginError(f"plugins: two plugins register {kind.name!r} (remove one of the packages)")
        kinds[kind.name] = kind
    return kinds

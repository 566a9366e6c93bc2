"""The plugin author's page: the words, the life of a plugin, and every hook in call order.

Words
    *host*: the appliance. *plugin*: a package with an entry point in the group ``cgappliance``. *backend*: the object that
    verifies directory passwords for one tenant. *provider*: the object that gets Google-side credentials for one tenant.
    *kind*: what a plugin registers: a name for the tenant file, the settings it wants, and how to make the object.

Life
    1. start: all entry points are loaded, each registering hook is called once; a misspelt hook stops the start.
    2. tenant load: the kind named in the tenant file gets its settings checked, then ``make(context)`` is called: one object
       per tenant, so no plugin object sees another tenant's passwords. Then ``start()``.
    3. each login: ``authenticate`` or ``grant``, in the greenlet of that login.
    4. tenant change or removal, and shutdown: ``stop()``, after the last login that uses the object has ended.

A whole plugin
    ``plugins/cgappliance-plugin-example`` is a package that a test installs and logs in through; its module is as short as this::

        from cgappliance.plugin_api import AuthAnswer, BackendKind, Credentials, Reason, TenantContext, hookimpl

        class OnePassword:
            def __init__(self, context: TenantContext) -> None:
                self._password = context.settings["password_file"]   # a Secret
            def start(self) -> None: ...
            def stop(self) -> None: ...
            def authenticate(self, credentials: Credentials, timeout_s: float) -> AuthAnswer:
                ok = credentials.password == self._password
                return AuthAnswer(Reason.ACCEPTED if ok else Reason.WRONG_PASSWORD)

        @hookimpl
        def cgappliance_auth_backends():
            return [BackendKind("one-password", OnePassword, settings=(...,))]

Test it
    ``from cgappliance.testing.contract import AuthBackendContract``, inherit, say how to make your backend; pytest does the rest.

Rules: names start with ``cgappliance_``; arguments may be added later and are never renamed; a hook is retired with
``warn_on_impl`` first. Secrets travel as ``Secret``; an argument called password, secret or token must be typed so.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from cgappliance.plugin_api import BackendKind, ProviderKind

NAME = "cgappliance"  #: the entry point group and the pluggy project name

hookspec = pluggy.HookspecMarker(NAME)
hookimpl = pluggy.HookimplMarker(NAME)


@hookspec
def cgappliance_auth_backends() -> Iterable[BackendKind]:  # type: ignore[empty-body]  # a specification has no body
    """Register kinds of authentication backend.

    Called: once, at start, in the main greenlet; may not block, asks nobody.
    Args: none.
    Returns: the kinds; each ``name`` becomes a value of ``auth.backend`` in tenant files.
    Raises: anything stops the start with the plugin's name.
    Several plugins: all are registered; two kinds of one name stop the start.
    Since: 0.1.0
    """


@hookspec
def cgappliance_credential_providers() -> Iterable[ProviderKind]:  # type: ignore[empty-body]  # a specification has no body
    """Register kinds of Google credential provider.

    Called: once, at start, in the main greenlet; may not block, asks nobody.
    Args: none.
    Returns: the kinds; each ``name`` becomes a value of ``google.provider`` in tenant files.
    Raises: anything stops the start with the plugin's name.
    Several plugins: all are registered; two kinds of one name stop the start.
    Since: 0.1.0
    """

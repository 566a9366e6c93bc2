"""Google credential providers: ``service-account`` (access tokens), ``app-password`` and ``managed-password``.

Reading order: ``service_account`` (one grant, top to bottom), ``cache`` (which tokens are given again), ``endpoint`` (how one is
got), ``refusals`` (what Google's errors mean), ``key_file``; then ``passwords`` and ``password_file``.
"""

from cgappliance.plugin_api import ProviderKind, hookimpl
from cgappliance_google import passwords, service_account


@hookimpl
def cgappliance_credential_providers() -> list[ProviderKind]:
    """Register the three kinds of this plugin."""
    return [
        ProviderKind("service-account", service_account.ServiceAccountProvider, service_account.SETTINGS),
        ProviderKind("app-password", passwords.app_password_provider, passwords.APP_PASSWORD_SETTINGS),
        ProviderKind("managed-password", passwords.managed_password_provider, passwords.MANAGED_PASSWORD_SETTINGS),
    ]

"""Google credential providers: ``service-account`` (access tokens), ``app-password`` and ``managed-password``.

Reading order for logins: ``service_account`` (one grant, top to bottom), ``cache`` (which tokens are given again), ``endpoint``
(how one is got), ``refusals`` (what Google's errors mean), ``key_file``; then ``passwords`` and ``password_file``.

For administrators: ``customer`` (what can be done at Google), ``api`` (how a request is sent, and again), ``faults`` (what answers
mean), ``users`` and ``mail_settings`` (requests and values), ``administration`` (settings). ``transport`` is HTTP for both.
"""

from cgappliance.plugin_api import ProviderKind, hookimpl
from cgappliance_google import administration, passwords, service_account


@hookimpl
def cgappliance_credential_providers() -> list[ProviderKind]:
    """Register the three kinds of this plugin."""
    return [
        ProviderKind(
            "service-account",
            service_account.ServiceAccountProvider,
            service_account.SETTINGS,
            administration.check,
            service_account.google_customer,
        ),
        ProviderKind(
            passwords.APP_PASSWORD,
            passwords.app_password_provider,
            passwords.APP_PASSWORD_SETTINGS,
            administration.check,
            passwords.app_password_customer,
        ),
        ProviderKind(
            passwords.MANAGED_PASSWORD,
            passwords.managed_password_provider,
            passwords.MANAGED_PASSWORD_SETTINGS,
            passwords.check_managed_password,
            passwords.managed_password_customer,
        ),
    ]

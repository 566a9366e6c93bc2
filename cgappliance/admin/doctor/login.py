"""The last part of a login, tried out: does Gmail take the credential that the appliance would use. Nobody's password is needed."""

from __future__ import annotations

from typing import Final

from cgappliance.admin import trial
from cgappliance.admin.doctor.advice import ADVICE
from cgappliance.admin.doctor.findings import Finding, ok, problem, skipped, warning
from cgappliance.errors import LoginFailed
from cgappliance.model import Grant, MailProtocol, Reason, Tenant
from cgappliance.plugin_api import CredentialProvider, CredentialSource, TenantContext
from cgappliance.plugins import Kinds
from cgappliance.proto.smtp.refusals import reason_of

TOPIC: Final = "login at Gmail"
MANUAL: Final = "4.1 (2)"
TOKEN_TIMEOUT_S: Final = 15.0
HINT: Final = "the words are Gmail's"


def look_at_login(kinds: Kinds, tenant: Tenant, address: str, kept: CredentialSource | None) -> Finding:
    """Return what Gmail says to the account's credential. Blocks cooperatively.

    Args:
        kinds: the installed plugins.
        tenant: whose account.
        address: of the account.
        kept: the stored credentials; None: they cannot be opened here.
    """
    provider = None
    try:
        context = TenantContext(tenant.id, tenant.domains, tenant.google.settings, kept)
        provider = kinds.providers[tenant.google.name].make(context)
        provider.start()
        return _try(tenant, provider, address)
    except LoginFailed as failed:
        return problem(TOPIC, str(failed), ADVICE.get(failed.reason, HINT), MANUAL)
    except trial.TrialFailed as failed:
        return skipped(TOPIC, f"Gmail could not be asked: {failed}")
    except Exception as error:  # noqa: BLE001 - a plugin can raise anything, and its finding is that it did
        remedy = "tell the plugin's author"
        return problem(TOPIC, f"the provider {tenant.google.name!r} failed: {type(error).__name__}", remedy)
    finally:
        if provider is not None:
            provider.stop()


def _try(tenant: Tenant, provider: CredentialProvider, address: str) -> Finding:
    grant, said = _log_in(tenant, provider, address, fresh=False)
    if said and grant.from_cache:  # of two passwords, nobody knows which one Google has
        grant, said = _log_in(tenant, provider, address, fresh=True)
    if not said:
        return ok(TOPIC, f"good, by {grant.mechanism}")
    reason = reason_of(int(said[:3]), [said[4:].encode()])
    if reason is Reason.UPSTREAM_PROTOCOL:
        return warning(TOPIC, f"Gmail says: {said}", HINT, MANUAL)
    manual = "4.2" if reason is Reason.WEB_LOGIN_REQUIRED else MANUAL
    return problem(TOPIC, f"{reason.sentence}: {said}", ADVICE.get(reason, HINT), manual)


def _log_in(tenant: Tenant, provider: CredentialProvider, address: str, *, fresh: bool) -> tuple[Grant, str]:
    grant = provider.grant(address, MailProtocol.SMTP, fresh=fresh, timeout_s=TOKEN_TIMEOUT_S)
    return grant, trial.try_grant(tenant, grant)

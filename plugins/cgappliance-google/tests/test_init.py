import cgappliance_google
import pytest

from cgappliance.plugin_api import SettingType
from cgappliance.plugins import discover


def test_installed_plugin_registers_its_three_providers():
    assert {"service-account", "app-password", "managed-password"} <= set(discover().providers)


@pytest.mark.parametrize("kind", cgappliance_google.cgappliance_credential_providers(), ids=lambda kind: kind.name)
def test_settings_with_secrets_are_files(kind):
    for setting in kind.settings:
        if ("password" in setting.key or "service_account" in setting.key) and setting.type is not SettingType.BOOLEAN:
            assert setting.type in (SettingType.FILE, SettingType.SECRET_FILE)

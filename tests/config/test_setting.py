from cgappliance.config.setting import REQUIRED, Setting, SettingType


def test_setting_without_default_is_required():
    assert Setting("key", SettingType.STRING, "Help.").default is REQUIRED
    assert repr(REQUIRED) == "REQUIRED"


def test_setting_that_may_be_absent_is_not_required():
    assert Setting("key", SettingType.STRING, "Help.", default=None).default is None
    assert Setting("key", SettingType.STRING, "Help.", default=None).default is not REQUIRED

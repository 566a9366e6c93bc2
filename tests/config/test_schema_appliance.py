import dataclasses

import pytest

from cgappliance.config.schema import Table
from cgappliance.config.schema_appliance import ALERTS, APPLIANCE, LIMITS, LOG, METRICS, TOP, WEB
from cgappliance.config.schema_tenant import TENANT
from cgappliance.config.setting import REQUIRED, SettingType
from cgappliance.config.values import AlertSettings, Limits, LogSettings, MetricsSettings, Settings, WebSettings
from cgappliance.log import LEVELS


@pytest.mark.parametrize(
    ("table", "value", "own"),
    [
        (LIMITS, Limits, set()),
        (LOG, LogSettings, set()),
        (METRICS, MetricsSettings, set()),
        (ALERTS, AlertSettings, set()),
        (WEB, WebSettings, set()),
        (TOP, Settings, {"source", "limits", "log", "metrics", "alerts", "web"}),
    ],
)
def test_each_declared_key_is_a_field_and_the_other_way_round(table: Table, value: type, own: set[str]):
    assert set(table.names()) == {field.name for field in dataclasses.fields(value)} - own


def test_appliance_starts_with_an_empty_file():
    assert [setting.key for table in APPLIANCE for setting in table.settings if setting.default is REQUIRED] == []


@pytest.mark.parametrize("table", [*APPLIANCE, *TENANT], ids=lambda table: table.name)
def test_declarations_are_fit_for_the_reference(table: Table):
    assert len(set(table.names())) == len(table.settings)
    for setting in table.settings:
        assert setting.help.endswith("."), setting.key
        assert (setting.type is SettingType.DURATION) <= setting.key.endswith("_s"), setting.key
        assert setting.key.endswith("_s") == (setting.unit == "s"), setting.key


def test_log_levels_are_those_of_the_log():
    assert next(setting for setting in LOG.settings if setting.key == "level").choices == tuple(LEVELS)

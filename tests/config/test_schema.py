from cgappliance.config.schema import Table, subtables
from cgappliance.config.setting import Setting, SettingType

TOP = Table("", "Top.", (Setting("a", SettingType.STRING, "A."), Setting("b", SettingType.STRING, "B.")))
PROFILE = Table("profiles.*", "Profile.", ())


def test_table_names_its_keys():
    assert TOP.names() == ("a", "b")


def test_tables_below_the_top_are_found_by_the_first_part_of_their_header():
    assert subtables((TOP, PROFILE)) == {"profiles": PROFILE}

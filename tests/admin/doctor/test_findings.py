from cgappliance.admin.doctor import findings
from cgappliance.admin.doctor.findings import Finding, State


def test_each_kind_of_finding_is_made_in_its_way():
    assert findings.ok("seats", "3 used", number="3") == Finding("seats", State.OK, "3 used", details={"number": "3"})
    assert findings.skipped("seats", "not asked") == Finding("seats", State.SKIPPED, "not asked")
    assert findings.warning("seats", "few", "buy", "1.2") == Finding("seats", State.WARNING, "few", "buy", "1.2")
    assert findings.problem("seats", "none", "buy", a="b") == Finding("seats", State.PROBLEM, "none", "buy", "", {"a": "b"})

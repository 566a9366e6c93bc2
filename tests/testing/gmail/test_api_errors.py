from cgappliance.testing.gmail.api_errors import API_ERRORS


def test_body_has_googles_shape():
    assert API_ERRORS["not_found"].body() == {
        "error": {
            "code": 404,
            "message": "Resource Not Found: userKey",
            "errors": [{"message": "Resource Not Found: userKey", "domain": "global", "reason": "notFound"}],
        }
    }


def test_message_can_be_another():
    assert API_ERRORS["invalid"].body("Invalid Input: x")["error"]["message"] == "Invalid Input: x"


def test_quota_errors_come_as_403_too():
    assert {API_ERRORS[name].status for name in ("user_rate_limit", "quota", "forbidden")} == {403}

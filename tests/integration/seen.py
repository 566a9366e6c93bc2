"""What the servers behind the appliance have seen of clients; its own health probes, which greet and leave, are left out."""

GREETING_VERBS = {"EHLO", "QUIT"}
PROBE = "cgappliance-health-probe"  # the address that a probe asks the directory for


def touched(gmail):
    """Return the connections to Gmail over which more was said than a greeting."""
    return [record for record in gmail.connections() if record["logins"] or set(record["commands"]) - GREETING_VERBS]


def logins(gmail):
    """Return all logins tried at Gmail, in order."""
    return [login for record in gmail.connections() for login in record["logins"]]


def outcomes(gmail):
    """Return how the logins tried at Gmail went, in order."""
    return [login["outcome"] for login in logins(gmail)]


def verbs(gmail):
    """Return the commands that came to Gmail behind logins, in order, over all connections."""
    return [verb for record in touched(gmail) for verb in record["commands"] if verb not in ("AUTHENTICATE", "AUTH", "EHLO")]


def questions(slapd):
    """Return how often the directory was asked about somebody: searches for an address and binds of people."""
    lines = slapd.process.log_text().splitlines()
    return sum(("SRCH base=" in line and PROBE not in line) or 'BIND dn="uid=' in line for line in lines)

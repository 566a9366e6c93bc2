"""cgappliance: an authenticating POP3S, IMAPS and SMTPS proxy in front of Gmail, many tenants on one box."""

__version__ = "0.1.0"

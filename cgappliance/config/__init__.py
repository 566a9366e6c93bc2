"""The appliance's settings and the tenant files: TOML text to frozen values, or to every mistake with file and line."""

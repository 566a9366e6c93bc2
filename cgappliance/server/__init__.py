"""The running appliance: tenants, listeners, start, stop, reload."""

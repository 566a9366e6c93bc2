"""The benchmark: the same work for this appliance and its peers, side by side in one run. ``README.md`` says how to read it."""

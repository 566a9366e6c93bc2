"""The one decision for three protocols, pure: profiles, networks, service period. No I/O, no clock: time is an argument."""

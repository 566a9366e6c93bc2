"""The lab: real servers for tests and for the demo, each in a folder of its own, on free ports, bounded in time.

``process`` runs any server, ``certificates`` makes the certificates that it shows, ``slapd`` is a real OpenLDAP.
Nothing here patches, needs root or leaves anything behind.
"""

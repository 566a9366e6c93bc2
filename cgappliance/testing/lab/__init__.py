"""The lab: real servers for tests and for the demo, each in a folder of its own, on free ports, bounded in time.

``process`` runs any server, ``certificates`` makes the certificates that it shows. ``slapd`` is a real OpenLDAP, ``samba`` a real
Active Directory domain controller, ``dovecot`` and ``postfix`` stand in for Gmail, ``postgresql`` is a store.
Nothing here patches or leaves anything behind; Samba (for its ports) and Postfix need root.
"""

"""The steps from an empty database to ``schema.py``, one file each, numbered. ``migrate.py`` runs them."""

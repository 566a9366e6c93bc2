"""gevent I/O: listeners, TLS, deadlines, dialling, the relay. ``handler.py`` and ``connection.py`` are the places that know them all."""

"""gevent I/O: listeners, TLS, deadlines, dialling, the relay. Only ``handler.py`` and ``connection.py`` know them all."""

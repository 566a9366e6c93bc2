"""gevent I/O: listeners, TLS, deadlines, dialling, the relay. ``handler.py`` is the one place that knows them all."""

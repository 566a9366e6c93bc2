"""One migration a file: ``NNNN_what.py``, whose ``revision`` is NNNN. A released one is never edited."""

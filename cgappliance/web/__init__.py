"""The web site: administrators' pages, users' pages, client auto-configuration. Thin over ``admin/``: parse, call, show.

Start reading at ``app.py`` (what every request passes), then ``admin/dashboard.py`` (a page), then ``process.py`` (how it is run).
A new group of pages is a module with a Flask blueprint, and a line in ``app.BLUEPRINTS``; each of its views says who may use it
with one of the decorators of ``access.py``, or the application does not start.

Rules: no inline script or style, nothing from other hosts, every text through ``_()`` (``i18n.py``), every form with
``csrf_field()``, every change behind POST and followed by a redirect.
"""

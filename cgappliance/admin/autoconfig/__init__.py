"""Mail clients that set themselves up: one table of services per tenant, and what each kind of client reads out of it.

``table`` is the one source; ``thunderbird``, ``outlook``, ``apple`` and ``records`` write it down for their readers; ``check``
walks the way of each client through the internet (``internet``) and says which of them would go past the appliance to Google.
"""

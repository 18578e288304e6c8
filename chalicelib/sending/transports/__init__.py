"""Ways to hand a finished message to a mail service, behind one interface."""

REST_SECONDS = 10.0
"""How long a mail service that broke off or timed out is left alone: an outage then costs a mail now and then."""

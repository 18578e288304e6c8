"""Ways to hand a finished message to a mail service, behind one interface."""

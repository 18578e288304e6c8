"""The nouns and rules of campaigns, deliveries and leads: pure, and on the standard library alone."""

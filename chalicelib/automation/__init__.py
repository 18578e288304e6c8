"""What follows: events about deliveries, and the rules that act on them."""

"""The whole stack on one machine: `make run` and what it is made of. Never packaged."""

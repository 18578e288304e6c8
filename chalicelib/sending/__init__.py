"""How it leaves: launch, plan, send."""

"""The JSON door. `registry.register(app)` opens it; importing this package alone costs nothing."""

"""The JSON API: one module per resource. `http.registry.register(app)` adds its routes."""

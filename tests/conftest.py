"""What holds for all tests."""

from hypothesis import HealthCheck, settings

# No stopwatch decides whether a property holds: machines are slow at times, and speed is measured by `make bench`.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")

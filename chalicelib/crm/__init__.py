"""Who: leads, what makes one valid and the same as another, and importing them by the thousand."""

"""What the project's promises about speed rest on: `python -m bench` measures them, all in one run."""

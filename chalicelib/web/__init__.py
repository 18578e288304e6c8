"""The marketers' web page: its files, and the session of a signed-in browser."""

"""What comes back from recipients: ids, signatures, hits and the recipients' routes. Imports nothing heavy."""

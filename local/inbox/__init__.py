"""The inbox: SES and SMTP in one process, into one mailbox that people and programs can read. Loopback only."""

"""Who may send: domains and addresses, their DNS records, and whether their mails pass DMARC (record 0085)."""

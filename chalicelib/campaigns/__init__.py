"""What a marketer does with a campaign: draft, preview, check, test, send, schedule, pause."""

"""What the functions are made of, put together from the settings: the only code that knows how.

    stores      the tables' stores, queues and clients, and how mails leave: what the two below share
    requests    what answers marketers (`api`, `web`)
    workers     what queues and streams feed
    recipients  what answers recipients (`track`, `replay_hits`): loads as little as it can

Each is made once per process, and its parts when they are first needed. Tests assign their own parts before that:
`wiring.transport = ...`.
"""

"""The inbox: SES and SMTP in one process, into one mailbox that people and programs can read. Loopback only.

    python -m local.inbox --http-port 8025 --smtp-port 2525 --dir .local/inbox

prints `inbox ready: http://127.0.0.1:8025 smtp://127.0.0.1:2525` when both servers listen. Port 0 takes a free one.

For an SDK (`endpoint_url` or AWS_ENDPOINT_URL_SESV2, any credentials): SendEmail with Raw content, GetAccount, and
identities (Create-, Get-, List-, DeleteEmailIdentity, PutEmailIdentityMailFromAttributes), with SES's errors. The
MessageId is the message's id everywhere below; ids sort by time. Every domain may send but `unverified.example`
(GetEmailIdentity: NotFoundException) and `pending.example` (status PENDING); as with SES a domain covers its
subdomains. A domain that is added is verified once its DNS records are found in the inbox's own DNS, a name server on
the HTTP port's number (UDP).

For people: `/` lists the mails, `/messages/{id}` shows one, its pixel and links live. `/website` and all below it is
the page to which the links of the example mails lead. `/senders` lists the identities, with a button to publish a
domain's DNS records or to confirm an address.

For programs:
- `GET /messages` oldest first, `[{"id", "to", "from", "subject", "received_at"}]`; `to` and `from` are bare addresses
  of the envelope (several joined by ", "), `subject` is decoded, `received_at` aware UTC.
  `?to=` one recipient's alone, `?after={id}` later ones alone.
- `GET /messages/{id}.eml` the bytes as received; `GET /messages/{id}.json` the summary, and under `envelope` the
  sender, recipients, configuration_set and tags.
- `DELETE /messages` empties the mailbox (204). `GET /health` `{"status": "ok", "messages": n}`.

For tests, all of it at run time:
- `PUT /faults` `{"faults": [{"kind": ...}, ...]}` replaces the play book, GET shows how often each was `played`,
  DELETE clears it. A send meets the first fault that fits and is not used up. Fields beside `kind`: `count` (how many
  sends; without it all), `protocol` (`ses`, `smtp`; without it both), `to` (one recipient), `seconds` (wait first),
  `status` and `message` (of the refusal), `at` (SMTP: `rcpt` or `data`, the default). Kinds: `throttle`, `quota`,
  `error`, `reject` refuse; `stall` waits and then accepts; `drop` accepts and breaks the connection; `drop_unkept`
  breaks it without accepting. See `faults`.
- `PUT /account` changes any of `max_send_rate` (recipients in any second), `max_24_hour_send` (-1: no limit),
  `sent_last_24_hours`, and of the switches that keep mails from leaving: `sending_enabled`,
  `production_access_enabled` (false: the sandbox), `enforcement_status` (HEALTHY, PROBATION, SHUTDOWN), `suspended`,
  `access_denied`, `configuration_set_exists`, `mail_from_verified`, `identities` (domains and addresses with their
  verification status, `{"shop.example": "SUCCESS"}`; null: the default above; forgets added ones),
  `throttle_questions` (all but SendEmail get TooManyRequestsException).
- `PUT /dns` `{"records": [[name, type, value], ...], "silent": false}` replaces what the name server answers beside
  the records of domains that were verified from the start; silent, it answers nothing.
- With `--events-topic` (once for each topic) and `--sns-endpoint` SES's events about every message that names a
  configuration set are published to those topics that get their type; the mailbox simulator's addresses have the
  outcomes their names say, an EICAR test file is rejected. `POST /events` `{"message_id", "kind", "bounce_type",
  "bounce_sub_type", "times"}` publishes one more by hand (kinds: Send, Delivery, Bounce, Complaint, Reject,
  DeliveryDelay), `GET /events` `{"unpublished": n}`.

An inbox publishes the events that an earlier one in its folder left unpublished. With `--stack-saved-at` the stack
comes back as it was at that moment and has forgotten the rest: events that the topic took later are published again,
and a mail that the stack sent later, and now sends again, is answered as it was then and not kept a second time.
"""

-- Add or change a trunk; returns whether it is new. Without a secret an existing one stays.
INSERT INTO trunks AS t (name, host, port, transport, registration, expires_s, auth, username, secret, realm,
                         match_addresses, codecs, caller_id, external_address, channels_max, cps_max, test, enabled)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, coalesce($9, (SELECT secret FROM trunks WHERE name = $1)), $10,
        $11::text[]::inet[], $12, $13, $14, $15, $16, $17, $18)
ON CONFLICT (name) DO UPDATE
   SET host = excluded.host, port = excluded.port, transport = excluded.transport,
       registration = excluded.registration, expires_s = excluded.expires_s, auth = excluded.auth,
       username = excluded.username, secret = excluded.secret, realm = excluded.realm,
       match_addresses = excluded.match_addresses, codecs = excluded.codecs, caller_id = excluded.caller_id,
       external_address = excluded.external_address, channels_max = excluded.channels_max,
       cps_max = excluded.cps_max, test = excluded.test, enabled = excluded.enabled
RETURNING xmax = 0

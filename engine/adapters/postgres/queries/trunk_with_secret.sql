-- One trunk with its secret, for rendering Asterisk's configuration.
SELECT name, host, port, transport, registration, expires_s, auth, username, secret, realm, match_addresses::text[],
       codecs, caller_id, external_address, channels_max, cps_max, test, enabled
  FROM trunks WHERE name = $1

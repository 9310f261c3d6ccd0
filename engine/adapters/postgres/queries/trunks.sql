-- All trunks, without secrets.
SELECT name, host, port, transport, registration, expires_s, auth, username, realm, match_addresses::text[], codecs,
       caller_id, external_address, channels_max, cps_max, test, enabled
  FROM trunks ORDER BY name

-- Append outcomes, close their attempts, move their leads on; returns how many were new.
SELECT record_outcomes($1::uuid[], $2::text[], $3::integer[], $4::integer[],
                       $5::double precision[], $6::double precision[], $7::double precision[], $8::double precision[],
                       $9::text[], $10::integer[], $11::text[], $12::double precision[],
                       $13::double precision[], $14::double precision[], $15::text[], $16::double precision[],
                       $17::double precision[], $18::text[])

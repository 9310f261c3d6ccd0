-- Delete leads: their numbers and data go, their facts stay.
SELECT anonymise_leads($1::bigint[])

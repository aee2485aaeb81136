-- What the other seed files draw on. Everything is a pure function of a row's number, so that two builds are equal, on
-- any machine and in any order: no random(), no now().
--
-- Reads three settings: seed.scale (1 = 2 million customers, 6 million orders), seed.reference (the day that counts as
-- today) and seed.canary (a text, or empty).

CREATE SCHEMA seed;

-- hashint8extended also decides where rows of hash-partitioned tables live, which is why PostgreSQL keeps it stable.
CREATE FUNCTION seed.h(n bigint, salt bigint) RETURNS bigint
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN hashint8extended(n, salt) & 9223372036854775807;

CREATE FUNCTION seed.pick(choices text[], h bigint) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN choices[1 + (h % cardinality(choices))::integer];

-- The settings become constants, so that the planner folds them and knows how many rows generate_series makes.
DO $$
DECLARE
    sizes CONSTANT jsonb := '{
        "users": [20000, 20], "customers": [2000000, 200], "orders": [6000000, 600], "products": [20000, 500],
        "sessions": [1000000, 100], "job_executions": [400000, 100], "incoming_webhooks": [600000, 100],
        "signature_workflows": [200000, 100]}';
    scale CONSTANT numeric := current_setting('seed.scale')::numeric;
    reference CONSTANT date := current_setting('seed.reference')::date;
    autumn date := make_date(extract(year FROM reference)::integer, 10, 31);
    branches text;
BEGIN
    SELECT string_agg(
               format('WHEN %L THEN %s', key, greatest((value ->> 1)::bigint, (scale * (value ->> 0)::bigint)::bigint)), ' ')
      INTO branches FROM jsonb_each(sizes);
    EXECUTE format('CREATE FUNCTION seed.size(t text) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE '
                   'RETURN CASE t %s END', branches);
    EXECUTE format('CREATE FUNCTION seed.today() RETURNS date LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN %L::date',
                   reference);
    -- Midnight UTC of the last night before the reference in which European clocks were put back.
    IF autumn - extract(dow FROM autumn)::integer >= reference THEN
        autumn := make_date(extract(year FROM reference)::integer - 1, 10, 31);
    END IF;
    EXECUTE format('CREATE FUNCTION seed.clock_change() RETURNS timestamptz LANGUAGE sql IMMUTABLE PARALLEL SAFE '
                   'RETURN %L::timestamptz', (autumn - extract(dow FROM autumn)::integer)::text || ' 00:00:00+00');
    EXECUTE format('CREATE FUNCTION seed.reference() RETURNS timestamptz LANGUAGE sql IMMUTABLE PARALLEL SAFE '
                   'RETURN %L::timestamptz', reference::text || ' 00:00:00+00');
END
$$;

-- A moment up to `days` before the reference, to the microsecond; each fortieth row lies in the night of a clock change.
CREATE FUNCTION seed.moment(n bigint, salt bigint, days integer) RETURNS timestamptz
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN n % 40 = 7
        THEN seed.clock_change() + (seed.h(n, salt) % 10800000000) * interval '1 microsecond'
        ELSE seed.reference() - (1 + seed.h(n, salt) % (days * 86400000000)) * interval '1 microsecond'
    END;

CREATE FUNCTION seed.uuid(n bigint, salt bigint) RETURNS uuid
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN md5(n::text || '/' || salt::text)::uuid;

CREATE FUNCTION seed.phone(n bigint, salt bigint) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN to_char(seed.h(n, salt) % 10000000000, seed.pick(ARRAY[
        'FM"+49 "000" "0000000', 'FM"0049"0000000000', 'FM"("0000") "000000', 'FM"0"0000"-"000000',
        'FM"+1-"000"-"000"-"0000', 'FM"+44 7"0000" "00000" "0', 'FM"+81 "00"-"0000"-"0000', 'FM000"."000"."0000',
        'FM"+33 "00" "00" "00" "00" "00', 'FM"tel:+48"0000000000', 'FM"+7 ("000") "000"-"00"-"00" 0"',
        'FM"０"0000"－"000000', 'FM0000000000" ext. 12"', 'FM"evenings: "0000"/"000000', 'FM"  +39 "0000000000"  "'
    ], seed.h(n, salt + 1)));

-- Reserved domains only (RFC 2606): nothing that a demo mails can reach a stranger.
CREATE FUNCTION seed.email(n bigint) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN seed.pick(ARRAY['anna', 'max', 'li.wei', 'o''neill', 'zoe', 'jose', 'mia', 'ivan', 'amara', 'noor', 'kim', 'lea'],
                     seed.h(n, 901))
        || seed.pick(ARRAY['.', '_', '-', ''], seed.h(n, 902)) || n::text
        || seed.pick(ARRAY['@', '@', '@', '@', '@', '+shop@'], seed.h(n, 903))
        || seed.pick(ARRAY['example.com', 'example.org', 'example.net', 'mail.example', 'bücher.example', '例え.example'],
                     seed.h(n, 904));

CREATE FUNCTION seed.ip(n bigint, salt bigint) RETURNS inet
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN seed.h(n, salt) % 4 = 0
        THEN ('2001:db8::' || to_hex(seed.h(n, salt + 1) % 65536) || ':' || to_hex(seed.h(n, salt + 2) % 65536))::inet
        ELSE inet '198.18.0.0' + seed.h(n, salt + 1) % 131072
    END;

-- Users and customers. OFFSET 0, here and below: computed once for a row, not once for each use.

INSERT INTO users
SELECT i,
       'user' || i || '@shop.example',
       CASE WHEN l.family_first THEN f.family || ' ' || f.given ELSE f.given || ' ' || f.family END,
       CASE WHEN i = 1 THEN 'owner' WHEN i % 20 = 2 THEN 'manager' WHEN i % 50 = 3 THEN 'auditor' ELSE 'agent' END::user_role,
       l.language,
       seed.pick(ARRAY['Europe/Berlin', 'Europe/London', 'America/New_York', 'Asia/Tokyo', 'Asia/Kolkata', 'Pacific/Auckland'],
                 seed.h(i, 6)),
       '$argon2id$v=19$m=65536,t=3,p=4$' || md5('salt' || i) || '$' || md5('hash' || i),
       i % 12 <> 5,
       i % 5 <> 3,
       CASE WHEN i % 9 <> 4 THEN seed.moment(i, 7, 30) END,
       seed.reference() - interval '30 days' - (seed.h(i, 8) % 94608000) * interval '1 second'
FROM generate_series(1, seed.size('users')) AS i
JOIN seed.locales l ON l.id = seed.h(i, 1) % 16
CROSS JOIN LATERAL (SELECT seed.pick(l.given_names, seed.h(i, 2)) AS given, seed.pick(l.family_names, seed.h(i, 3)) AS family OFFSET 0) f;

INSERT INTO customers
SELECT i,
       seed.uuid(i, 11),
       'C-' || to_char(i, 'FM000000000'),
       CASE WHEN h % 10 < 7 THEN 'private' WHEN h % 10 < 9 THEN 'business' WHEN h % 20 = 9 THEN 'reseller'
            ELSE 'public sector' END::customer_segment,
       (ARRAY['Ms', 'Mr', 'Mx', 'Dr', 'Prof. Dr.', NULL, NULL])[1 + (h % 7)::integer],
       CASE WHEN i % 30 = 11 THEN NULL WHEN i % 90 = 12 THEN '' ELSE given END,
       family,
       CASE WHEN i % 30 = 11 THEN family WHEN l.family_first THEN family || given ELSE given || ' ' || family END,
       CASE WHEN i % 25 = 3 THEN NULL
            WHEN i % 100 = 4 THEN ''
            WHEN i % 500 = 6 THEN 'no e-mail'
            WHEN i % 60 = 20 THEN upper(seed.email(i - 1))
            WHEN i % 60 = 40 THEN initcap(seed.email(i - 1)) || ' '
            ELSE seed.email(i) END,
       CASE WHEN seed.h(i, 21) % 5 = 0 THEN NULL ELSE seed.phone(i, 22) END,
       CASE WHEN seed.h(i, 24) % 3 = 0 THEN NULL WHEN i % 75 = 9 THEN '' WHEN i % 150 = 10 THEN 'none'
            ELSE seed.phone(i, 25) END,
       CASE WHEN i % 400 = 13 THEN date '1900-01-01' WHEN i % 700 = 15 THEN date '2000-02-29'
            WHEN seed.h(i, 27) % 6 > 0 THEN date '1935-01-01' + (seed.h(i, 28) % 27000)::integer END,
       CASE WHEN seed.h(i, 29) % 2 = 0 THEN to_char(seed.h(i, 30) % 100000000000, l.national_id) END,
       CASE WHEN seed.h(i, 31) % 3 = 0 THEN
            to_char(seed.h(i, 32) % 1000000000000000000,
                    CASE WHEN i % 2 = 0 THEN 'FM"DE"000000000000000000"00"'
                         ELSE 'FM"DE"00" "0000" "0000" "0000" "0000" 00"' END) END,
       seed.pick(l.streets, seed.h(i, 33)) || CASE WHEN i % 45 = 16 THEN E'\nc/o ' || given ELSE '' END
           || ' ' || (1 + h % 199)::text,
       CASE WHEN i % 10 = 1 THEN '' WHEN i % 10 = 2 THEN 'Hinterhaus, 2. Stock links' WHEN i % 50 = 3 THEN E'gate code\t4711' END,
       to_char(seed.h(i, 34) % 10000, l.postal_code),
       seed.pick(l.cities, seed.h(i, 35)),
       l.country,
       l.language,
       CASE WHEN seed.h(i, 36) % 3 = 0 THEN jsonb_build_object(
            'name', CASE WHEN i % 4 = 0 THEN NULL ELSE given || ' ' || family END,
            'lines', jsonb_build_array(seed.pick(l.streets, seed.h(i, 37)), seed.pick(l.cities, seed.h(i, 38))),
            'contact', jsonb_build_object('phone', seed.phone(i, 39), 'email', seed.email(i)),
            'position', jsonb_build_object('lat', (seed.h(i, 41) % 18000000)::numeric / 100000 - 90,
                                           'lon', (seed.h(i, 42) % 36000000)::numeric / 100000 - 180)) END,
       CASE WHEN seed.h(i, 43) % 4 > 0
            THEN jsonb_build_object('newsletter', h % 2 = 0, 'size', CASE WHEN h % 3 = 0 THEN NULL ELSE h % 60 END)
            ELSE jsonb_build_object(
                'household', jsonb_build_array(
                    jsonb_build_object('name', seed.pick(l.given_names, seed.h(i, 44)) || ' ' || family, 'born', 1950 + h % 70),
                    jsonb_build_object('name', seed.awkward(seed.h(i, 45)), 'allergies', '["Erdnüsse", null]'::jsonb)),
                'employer', jsonb_build_object('name', family || ' & Söhne', 'contact', jsonb_build_object('phone', seed.phone(i, 46))),
                'quoted "key"', E'line\nbreak', '', 'empty key') END,
       CASE WHEN i % 15 = 5 THEN ARRAY[seed.email(i + 1000000000), upper(seed.email(i))]
            WHEN i % 300 = 6 THEN ARRAY['', NULL, 'with,comma@example.org'] ELSE '{}' END,
       CASE WHEN h % 3 = 0 THEN NULL WHEN h % 3 = 1 THEN '{}'
            WHEN i % 20 = 8 THEN ARRAY['a,b', '{curly}', 'say "hi"', NULL, '', 'NULL', E'new\nline', '顧客']
            ELSE ARRAY[seed.pick(ARRAY['vip', 'slow payer', 'fragile', 'newsletter'], seed.h(i, 47)), 'since ' || 2018 + h % 8] END,
       CASE WHEN i % 2000 = 77 THEN
                (SELECT string_agg(md5(i::text || n::text) || ' ' || given || E' said "no".\n', '' ORDER BY n)
                 FROM generate_series(1, 400) AS n)
            WHEN i % 40 = 17 THEN ''
            WHEN seed.h(i, 48) % 8 = 0 THEN
                seed.pick(ARRAY['Called ', E'Complained twice:\n- late\n- "broken"\n', 'Never ring before noon! ', 'Nachbar nimmt an: '],
                          seed.h(i, 49)) || given || ' ' || family || ', ' || seed.phone(i, 50) END,
       CASE WHEN i % 25 = 18 THEN decode('89504e470d0a1a0a00' || md5(i::text), 'hex') END,
       CASE WHEN seed.h(i, 52) % 3 > 0 THEN seed.ip(i, 53) END,
       CASE WHEN h % 5 > 0 THEN (seed.h(i, 56) % 2000000)::numeric / 100 - 1000 END,
       CASE WHEN h % 4 = 0 THEN (seed.h(i, 57) % 5000)::numeric / 10000 ELSE 0 END,
       CASE WHEN i % 60 = 19 THEN seed.h(i, 58)::numeric * 1000000000 + (seed.h(i, 59) % 10000000000)::numeric / 10000000000
            WHEN h % 6 > 0 THEN (seed.h(i, 58) % 100000000)::numeric / 10000 END,
       CASE WHEN i % 500 = 21 THEN 'NaN' WHEN i % 1000 = 22 THEN 'Infinity' WHEN i % 1000 = 23 THEN '-Infinity'
            WHEN i % 100 = 24 THEN seed.h(i, 60)::numeric * 1000000000000 / 7
            WHEN h % 4 > 0 THEN (seed.h(i, 60) % 1000000)::numeric / (1 + seed.h(i, 61) % 9) END,
       CASE WHEN h % 3 > 0 THEN h % 2 = 0 END,
       CASE WHEN i % 50 = 25 THEN 'infinity' WHEN h % 3 > 0 THEN seed.moment(i, 62, 900) + interval '400 days' END,
       CASE WHEN i > 10 AND seed.h(i, 63) % 8 = 0 THEN 1 + seed.h(i, 64) % (i - 1) END,
       created_at,
       created_at + (seed.reference() - created_at) * ((h % 1000) / 1000.0)
FROM generate_series(1, seed.size('customers')) AS i
CROSS JOIN LATERAL (SELECT seed.h(i, 10) AS h, seed.moment(i, 12, 2200) AS created_at OFFSET 0) r
JOIN seed.locales l ON l.id = CASE WHEN seed.h(i, 13) % 10 < 3 THEN 0 WHEN seed.h(i, 13) % 10 < 5 THEN 1
                                   ELSE seed.h(i, 14) % 16 END
CROSS JOIN LATERAL (
    SELECT seed.pick(l.given_names, seed.h(i, 15)) AS given,
           CASE WHEN i % 50 = 26 THEN seed.awkward(seed.h(i, 17)) ELSE seed.pick(l.family_names, seed.h(i, 16)) END AS family
    OFFSET 0
) f;

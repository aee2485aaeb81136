-- Products, stock, orders and their lines.

INSERT INTO products
SELECT i,
       'SKU-' || to_char(i, 'FM000000') || '-' || seed.pick(ARRAY['S', 'M', 'L', 'ÜB'], seed.h(i, 101)),
       seed.pick(ARRAY['Lamp', 'Stuhl', 'Étagère', 'Кружка', '茶碗', 'حقيبة', 'Kettle "Classic"', 'Desk 20'' × 40'''], seed.h(i, 102))
           || ' ' || seed.pick(ARRAY['Oslo', 'Łódź', 'Kyōto', 'No. 5', '½ L', '™'], seed.h(i, 103)) || ' ' || i,
       CASE WHEN i % 9 = 4 THEN NULL WHEN i % 40 = 5 THEN ''
            ELSE E'Made to last.\nCare: wipe with a "dry" cloth; do not wash at more than 30 °C.' END,
       seed.pick(ARRAY['lighting', 'furniture', 'kitchen', 'office', 'bags'], seed.h(i, 104)),
       (100 + seed.h(i, 105) % 4000000)::numeric / 10000,
       (100 + seed.h(i, 105) % 4000000)::numeric / 10000 * 3 / 7,
       CASE WHEN i % 13 > 0 THEN (seed.h(i, 106) % 50000)::numeric / 1000 END,
       jsonb_build_object('color', seed.pick(ARRAY['red', 'grün', 'чёрный', '白'], seed.h(i, 107)), 'rating',
                          CASE WHEN i % 3 > 0 THEN (seed.h(i, 108) % 50)::numeric / 10 END,
                          'size', jsonb_build_object('w', seed.h(i, 109) % 200, 'h', seed.h(i, 110) % 200)),
       CASE WHEN i % 4 = 1 THEN '{}' ELSE ARRAY[seed.pick(ARRAY['new', 'sale', 'eco'], seed.h(i, 111)), 'a,b'] END,
       CASE WHEN i % 5 > 0 THEN 'contact' || seed.h(i, 112) % 40 || '@supplier.example' END,
       i % 17 <> 6,
       seed.moment(i, 113, 2200),
       seed.moment(i, 114, 60)
FROM generate_series(1, seed.size('products')) AS i;

INSERT INTO inventory
SELECT i, w.name,
       CASE WHEN low THEN (seed.h(i, w.salt) % 20)::integer ELSE 60 + (seed.h(i, w.salt) % 900)::integer END,
       CASE WHEN low THEN 0 ELSE (seed.h(i, w.salt + 1) % 20)::integer END,
       CASE WHEN low THEN 25 ELSE 20 + (seed.h(i, w.salt + 2) % 20)::integer END,
       50 + (seed.h(i, w.salt + 3) % 10)::integer * 25,
       CASE WHEN i % 7 > 0 THEN seed.today() - (seed.h(i, w.salt + 4) % 120)::integer END,
       1 + seed.h(i, w.salt + 5) % 500,
       seed.moment(i, w.salt + 6, 14)
FROM generate_series(1, seed.size('products')) AS i
CROSS JOIN (VALUES ('berlin', 120), ('łódź', 130), ('tokyo', 140)) AS w (name, salt)
CROSS JOIN LATERAL (SELECT seed.h(i, w.salt + 7) % 16 = 0 AS low) l;

INSERT INTO sync_watermarks VALUES
    ('warehouse-api', seed.reference() - interval '30 minutes', 'v1:' || md5('cursor'), seed.reference() - interval '29 minutes'),
    ('supplier-feed', seed.reference() - interval '26 hours', NULL, seed.reference() - interval '26 hours');

-- One to three lines; popular products have small numbers. One order in five hundred is a free sample.
INSERT INTO order_items
SELECT o, line, p.id, quantity, p.price, discount, round(quantity * p.price * (1 - discount), 2)
FROM generate_series(1, seed.size('orders')) AS o
CROSS JOIN generate_series(1, 3) AS line
CROSS JOIN LATERAL (
    SELECT 1 + seed.h(o * 4 + line, 151) % 5 * (seed.h(o * 4 + line, 152) % 2) AS quantity,
           CASE WHEN o % 500 = 27 THEN 1 WHEN seed.h(o * 4 + line, 153) % 6 = 0 THEN 0.125 WHEN seed.h(o * 4 + line, 153) % 6 = 1
                THEN 0.05 ELSE 0 END AS discount,
           1 + least(seed.h(o * 4 + line, 154) % seed.size('products'), seed.h(o * 4 + line, 155) % seed.size('products')) AS product
    OFFSET 0
) r
JOIN products p ON p.id = product
WHERE line <= CASE WHEN seed.h(o, 150) % 10 < 6 THEN 1 WHEN seed.h(o, 150) % 10 < 9 THEN 2 ELSE 3 END;

INSERT INTO orders
SELECT o,
       1 + least(seed.h(o, 160) % seed.size('customers'), seed.h(o, 161) % seed.size('customers')),
       CASE WHEN seed.h(o, 162) % 3 = 0 THEN 1 + seed.h(o, 163) % seed.size('users') END,
       status,
       'EUR',
       i.total,
       CASE WHEN seed.h(o, 164) % 30 = 0 THEN
                seed.pick(ARRAY['for Zoë', E'gift\n"happy birthday"', 'PO 4711 / Müller', '誕生日', '', 'Ref: O''Brien '], seed.h(o, 165)) END,
       placed_at,
       CASE WHEN status IN ('shipped', 'delivered', 'returned')
            THEN placed_at + (3600 + seed.h(o, 166) % 86400) * interval '1 second' END
FROM generate_series(1, seed.size('orders')) AS o
CROSS JOIN LATERAL (
    SELECT seed.moment(o, 167, CASE WHEN seed.h(o, 168) % 2 = 0 THEN 90 ELSE 1100 END) AS placed_at, seed.h(o, 169) % 100 AS h
    OFFSET 0
) r
CROSS JOIN LATERAL (
    SELECT CASE WHEN h < 4 THEN 'cancelled'
                WHEN placed_at > seed.reference() - interval '3 days' THEN CASE WHEN h < 40 THEN 'pending' ELSE 'paid' END
                WHEN placed_at > seed.reference() - interval '8 days' THEN 'shipped'
                WHEN h < 8 THEN 'returned' ELSE 'delivered' END::order_status AS status
    OFFSET 0
) s
JOIN (SELECT order_id, sum(line_amount) AS total FROM order_items GROUP BY order_id) i ON i.order_id = o
ORDER BY o;

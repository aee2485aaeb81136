-- Payments and the ledger. They agree with the orders except for the differences that shop_meta.known_differences names:
-- what a reconciliation has to find, no more and no less.
--
-- Ids leave gaps: payment = order * 4 + part, transaction = payment * 4 + kind, entry = transaction * 2 + side.

CREATE TABLE shop_meta.known_differences (
    kind           text   NOT NULL,
    order_id       bigint,
    payment_id     bigint,
    transaction_id bigint
);
COMMENT ON TABLE shop_meta.known_differences IS 'What reconciling orders, payments and ledger finds.';

-- Which part of an order's money a row stands for: 0 the payment (or its first half), 1 the second half, 2 a failed
-- attempt, 3 a payment made twice.
INSERT INTO payments
SELECT o.id * 4 + part,
       o.id,
       method,
       CASE WHEN part = 2 THEN 'failed' WHEN o.status = 'returned' THEN 'refunded' ELSE 'captured' END::payment_status,
       o.currency,
       CASE WHEN split AND part = 0 THEN round(o.total_amount * 0.3, 2)
            WHEN split AND part = 1 THEN o.total_amount - round(o.total_amount * 0.3, 2)
            WHEN o.id % 1499 = 1 AND part = 0 THEN o.total_amount - 0.01
            ELSE o.total_amount END,
       o.total_amount * 0.014 + 0.25,
       'pay_' || md5(o.id::text || '/' || part::text),
       CASE WHEN h % 4 = 0 THEN NULL WHEN c.id % 50 = 26 THEN c.full_name ELSE upper(c.full_name) END,
       CASE WHEN method = 'card' THEN '**** **** **** ' || to_char(h % 10000, 'FM0000')
            WHEN method = 'bank_transfer' THEN c.iban END,
       o.placed_at + (60 + h % 600) * interval '1 second',
       CASE WHEN part <> 2 THEN
            least(o.placed_at + (660 + h % 100000) * interval '1 second', seed.reference() - interval '1 second') END
FROM orders o
JOIN customers c ON c.id = o.customer_id
CROSS JOIN LATERAL (
    SELECT (ARRAY['card', 'card', 'bank_transfer', 'wallet', 'invoice']::payment_method[])[1 + (seed.h(o.id, 202) % 5)::integer] AS method,
           o.id % 20 = 5 AND o.total_amount > 10 AS split
    OFFSET 0
) m
CROSS JOIN LATERAL generate_series(0, 3) AS part
CROSS JOIN LATERAL (SELECT seed.h(o.id * 4 + part, 201) AS h OFFSET 0) r
WHERE o.status IN ('paid', 'shipped', 'delivered', 'returned') AND o.total_amount > 1
  AND NOT (o.id % 3499 = 3 AND part <> 2)
  AND (part = 0 OR part = 1 AND split OR part = 2 AND seed.h(o.id, 203) % 15 = 0 OR part = 3 AND o.id % 2999 = 2)
ORDER BY o.id, part;

INSERT INTO shop_meta.known_differences
SELECT 'order without payment', id, NULL::bigint, NULL::bigint FROM orders
WHERE id % 3499 = 3 AND status IN ('paid', 'shipped', 'delivered', 'returned') AND total_amount > 1
UNION ALL
SELECT CASE WHEN id % 4 = 3 THEN 'paid twice' ELSE 'underpaid' END, order_id, id, NULL::bigint FROM payments
WHERE id % 4 = 3 OR id % 4 = 0 AND order_id % 1499 = 1 AND order_id % 20 <> 5
ORDER BY 1, 2;

-- Kinds of transaction: 0 the money comes in, 1 it goes back, 2 booked a second time by mistake, 3 booked without a payment.
INSERT INTO ledger_entries
SELECT (p.id * 4 + kind) * 2 + side,
       p.id * 4 + kind,
       CASE WHEN kind <> 3 THEN p.id END,
       CASE WHEN kind = 1 AND side = 0 THEN 'refunds'
            WHEN kind <> 1 AND side = 1 THEN 'receivables'
            WHEN p.method = 'card' THEN 'card_clearing' WHEN p.method = 'wallet' THEN 'wallet_clearing'
            ELSE 'bank' END::ledger_account,
       CASE WHEN side = 0 THEN 'debit' ELSE 'credit' END::ledger_side,
       p.currency,
       CASE WHEN p.order_id % 2503 = 7 AND kind = 0 THEN p.amount + 10 ELSE p.amount END,
       CASE WHEN p.id % 9 = 0 THEN 'Order ' || p.order_id || coalesce(' / ' || p.payer_name, '') END,
       (p.captured_at AT TIME ZONE 'Europe/Berlin')::date + CASE WHEN kind = 1 THEN 14 ELSE 0 END,
       p.captured_at + CASE WHEN kind = 1 THEN interval '14 days' ELSE interval '5 seconds' END
FROM payments p
CROSS JOIN LATERAL generate_series(0, 3) AS kind
CROSS JOIN LATERAL generate_series(0, 1) AS side
WHERE p.status IN ('captured', 'refunded')
  AND (kind = 0 AND p.order_id % 1999 <> 5
       OR kind = 1 AND p.status = 'refunded'
       OR kind = 2 AND p.order_id % 4001 = 9
       OR kind = 3 AND p.order_id % 5003 = 11)
ORDER BY p.id, kind, side;

INSERT INTO shop_meta.known_differences
SELECT CASE kind WHEN 0 THEN 'payment not booked' WHEN 1 THEN 'booked with another amount' WHEN 2 THEN 'booked twice'
                 ELSE 'booked without payment' END,
       p.order_id, CASE WHEN kind <> 3 THEN p.id END, CASE WHEN kind > 0 THEN p.id * 4 + CASE WHEN kind = 1 THEN 0 ELSE kind END END
FROM payments p
CROSS JOIN LATERAL generate_series(0, 3) AS kind
WHERE p.status IN ('captured', 'refunded')
  AND (kind = 0 AND p.order_id % 1999 = 5 OR kind = 1 AND p.order_id % 2503 = 7
       OR kind = 2 AND p.order_id % 4001 = 9 OR kind = 3 AND p.order_id % 5003 = 11)
ORDER BY 1, 2, 3;

-- Sessions, job executions, incoming webhooks, signature workflows and their reminder log.

INSERT INTO sessions
SELECT seed.uuid(i, 301),
       CASE WHEN i % 5 = 0 THEN 1 + seed.h(i, 302) % seed.size('users') END,
       CASE WHEN i % 5 > 0 THEN 1 + seed.h(i, 302) % seed.size('customers') END,
       sha256(('token' || i)::bytea),
       CASE WHEN i % 6 > 0 THEN seed.ip(i, 303) END,
       CASE WHEN i % 8 > 0 THEN seed.pick(ARRAY[
           'Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0', 'curl/8.14.1', 'ShopApp/7.2 (iPhone; "beta")',
           'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36', ''], seed.h(i, 306)) END,
       CASE WHEN i % 3 = 0 THEN jsonb_build_object('basket', jsonb_build_array(seed.h(i, 307) % 500, seed.h(i, 308) % 500),
                                                   'search', seed.awkward(seed.h(i, 309))) ELSE '{}' END,
       created_at, created_at + lifetime / 3, created_at + lifetime
FROM generate_series(1, seed.size('sessions')) AS i
CROSS JOIN LATERAL (
    SELECT seed.moment(i, 310, 20) AS created_at, CASE WHEN i % 4 = 0 THEN interval '14 days' ELSE interval '1 day' END AS lifetime
) r;

INSERT INTO job_executions
SELECT i,
       seed.pick(ARRAY['send_newsletter', 'resize_images', 'rebuild_search_index', 'export_invoices', 'refresh_prices', 'sync_crm'],
                 seed.h(i, 320)),
       (ARRAY['critical', 'default', 'default', 'low']::job_queue[])[1 + (seed.h(i, 321) % 4)::integer],
       status,
       1 + CASE WHEN status = 'failed' THEN 2 ELSE 0 END,
       CASE WHEN i % 3 = 0 THEN 1 + seed.h(i, 322) % seed.size('users') END,
       CASE WHEN i % 5 = 0 THEN jsonb_build_object('to', seed.email(i), 'limit', i % 100) ELSE jsonb_build_object('limit', i % 100) END,
       CASE WHEN status = 'failed' THEN E'ValueError: cannot read row\n  DETAIL: "' || seed.email(i) || '" is not valid' END,
       CASE WHEN finished THEN took END,
       scheduled_at,
       CASE WHEN status <> 'queued' THEN scheduled_at + interval '2 seconds' END,
       CASE WHEN finished THEN scheduled_at + interval '2 seconds' + took END,
       CASE WHEN finished AND scheduled_at < seed.reference() - interval '45 days' AND i % 11 > 0
            THEN date_trunc('day', scheduled_at) + interval '31 days' END
FROM generate_series(1, seed.size('job_executions')) AS i
CROSS JOIN LATERAL (
    SELECT CASE WHEN i % 90 = 3 THEN seed.reference() - i % 50 * interval '1 minute' ELSE seed.moment(i, 323, 180) END AS scheduled_at,
           seed.h(i, 324) % 100 AS h,
           (seed.h(i, 325) % 900000000) * interval '1 microsecond' AS took
    OFFSET 0
) r
CROSS JOIN LATERAL (
    SELECT CASE WHEN scheduled_at > seed.reference() - interval '1 hour' THEN CASE WHEN h < 50 THEN 'queued' ELSE 'running' END
                WHEN h < 7 THEN 'failed' WHEN h < 10 THEN 'cancelled' ELSE 'succeeded' END::job_status AS status
    OFFSET 0
) s
CROSS JOIN LATERAL (SELECT status IN ('succeeded', 'failed', 'cancelled') AS finished) f;

INSERT INTO incoming_webhooks
SELECT i, source, 'evt_' || md5(source || i), event_type,
       jsonb_build_object('content-type', 'application/json', 'x-forwarded-for', host(seed.ip(i, 340)), 'x-signature', md5('s' || i)),
       jsonb_build_object('id', i, 'type', event_type, 'order', 1 + seed.h(i, 341) % seed.size('orders'),
                          'customer', jsonb_build_object('name', c.full_name, 'email', c.email),
                          'amount', (seed.h(i, 342) % 1000000)::numeric / 100, 'comment', seed.awkward(seed.h(i, 343))),
       status,
       CASE WHEN status = 'received' THEN 0 WHEN status = 'failed' THEN 5 ELSE 1 END,
       CASE WHEN status = 'failed' THEN 'no order for ' || coalesce(c.email, 'unknown') END,
       received_at,
       CASE WHEN status = 'received' THEN received_at + interval '1 minute' END,
       CASE WHEN status IN ('processed', 'ignored') THEN received_at + (seed.h(i, 344) % 60000) * interval '1 millisecond' END
FROM generate_series(1, seed.size('incoming_webhooks')) AS i
CROSS JOIN LATERAL (
    SELECT seed.pick(ARRAY['payments', 'parcels', 'crm', 'signatures'], seed.h(i, 345)) AS source,
           seed.pick(ARRAY['created', 'updated', 'failed', 'delivered'], seed.h(i, 346)) AS event_type,
           seed.moment(i, 347, 60) AS received_at, seed.h(i, 348) % 100 AS h
    OFFSET 0
) r
CROSS JOIN LATERAL (
    SELECT CASE WHEN received_at > seed.reference() - interval '1 day' THEN 'received' WHEN h < 2 THEN 'received'
                WHEN h < 5 THEN 'failed' WHEN h < 10 THEN 'ignored' ELSE 'processed' END::webhook_status AS status
    OFFSET 0
) s
JOIN customers c ON c.id = 1 + seed.h(i, 349) % seed.size('customers')
ORDER BY i;

INSERT INTO signature_workflows
SELECT i,
       seed.pick(ARRAY['Lease agreement', 'NDA', 'Vertrag "Wartung"', '契約書', 'Supplier terms'], seed.h(i, 360))
           || CASE WHEN i % 4 = 0 THEN ' ' || c.full_name ELSE '' END,
       1 + seed.h(i, 361) % seed.size('users'),
       CASE WHEN i % 6 > 0 THEN c.id END,
       coalesce(nullif(trim(c.full_name), ''), 'Unknown'),
       'signer' || i || '@example.org',
       status,
       CASE WHEN i % 10 = 0 THEN '{}' WHEN i % 10 = 1 THEN '{14,7,3,1,0}' ELSE '{7,3,1}' END::integer[],
       due_on,
       CASE WHEN status <> 'draft' THEN sent_at END,
       CASE WHEN status = 'expired' THEN (due_on + 1)::timestamp AT TIME ZONE 'Europe/Berlin'
            WHEN status IN ('signed', 'declined', 'cancelled')
            THEN least(sent_at + (1 + seed.h(i, 362) % 34) * interval '1 day', seed.reference() - interval '1 hour') END,
       sent_at - interval '2 hours'
FROM generate_series(1, seed.size('signature_workflows')) AS i
JOIN customers c ON c.id = 1 + seed.h(i, 363) % seed.size('customers')
CROSS JOIN LATERAL (
    SELECT seed.today() - 90 + (seed.h(i, 364) % 120)::integer AS due_on, seed.h(i, 365) % 100 AS h
    OFFSET 0
) r
CROSS JOIN LATERAL (
    SELECT least((due_on - 30)::timestamp AT TIME ZONE 'Europe/Berlin', seed.reference() - interval '1 day') AS sent_at,
           CASE WHEN due_on < seed.today() THEN
                    CASE WHEN h < 3 THEN 'sent' WHEN h < 5 THEN 'viewed' WHEN h < 75 THEN 'signed' WHEN h < 85 THEN 'expired'
                         WHEN h < 95 THEN 'declined' ELSE 'cancelled' END
                WHEN h < 5 THEN 'draft' WHEN h < 55 THEN 'sent' WHEN h < 75 THEN 'viewed' ELSE 'signed' END::workflow_status AS status
    OFFSET 0
) s
ORDER BY i;

-- Reminders of the days before the reference were sent, but for the last day's: those are due now.
INSERT INTO signature_reminders
SELECT row_number() OVER (ORDER BY w.id, day DESC), w.id, w.due_on - day, w.signer_email,
       CASE WHEN seed.h(w.id * 20 + day, 380) % 50 = 0 THEN 'bounced' WHEN seed.h(w.id * 20 + day, 380) % 50 = 1 THEN 'skipped'
            ELSE 'sent' END::reminder_outcome,
       '<' || md5(w.id::text || '/' || day::text) || '@shop.example>',
       ((w.due_on - day)::timestamp + interval '9 hours') AT TIME ZONE 'Europe/Berlin'
FROM signature_workflows w
CROSS JOIN LATERAL unnest(w.remind_days_before) AS day
WHERE w.status <> 'draft' AND w.due_on - day < seed.today() - 1
  AND w.due_on - day >= w.sent_at::date AND (w.closed_at IS NULL OR w.due_on - day < w.closed_at::date);

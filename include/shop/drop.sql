-- Removes exactly what schema.sql makes, what jobs remember of its rows, and nothing that a user has put beside it.

DROP TABLE IF EXISTS signature_reminders, signature_workflows, incoming_webhooks, job_executions, sessions, sync_watermarks,
    inventory, ledger_entries, payments, order_items, orders, products, customers, users CASCADE;
DROP TYPE IF EXISTS user_role, customer_segment, order_status, payment_method, payment_status, ledger_account, ledger_side,
    job_queue, job_status, webhook_status, workflow_status, reminder_outcome;
DROP TABLE IF EXISTS baton.job_windows, baton.job_items;
DROP SCHEMA IF EXISTS shop_meta CASCADE;
-- A build that somebody ran by hand with psql, statement by statement, may have stopped before its end.
DROP SCHEMA IF EXISTS seed CASCADE;

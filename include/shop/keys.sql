-- Primary keys, foreign keys and indexes of the demo schema; run after the fill.

ALTER TABLE users               ADD PRIMARY KEY (id), ADD UNIQUE (email);
ALTER TABLE customers           ADD PRIMARY KEY (id), ADD UNIQUE (public_id), ADD UNIQUE (customer_number);
ALTER TABLE products            ADD PRIMARY KEY (id), ADD UNIQUE (sku);
ALTER TABLE orders              ADD PRIMARY KEY (id);
ALTER TABLE order_items         ADD PRIMARY KEY (order_id, line_number);
ALTER TABLE payments            ADD PRIMARY KEY (id), ADD UNIQUE (provider_reference);
ALTER TABLE ledger_entries      ADD PRIMARY KEY (id);
ALTER TABLE inventory           ADD PRIMARY KEY (product_id, warehouse);
ALTER TABLE sync_watermarks     ADD PRIMARY KEY (source);
ALTER TABLE sessions            ADD PRIMARY KEY (id), ADD UNIQUE (token_hash);
ALTER TABLE job_executions      ADD PRIMARY KEY (id);
ALTER TABLE incoming_webhooks   ADD PRIMARY KEY (id), ADD UNIQUE (source, delivery_id);
ALTER TABLE signature_workflows ADD PRIMARY KEY (id);
-- The unique key is what makes a reminder worker idempotent: one row for each workflow and reminder date.
ALTER TABLE signature_reminders ADD PRIMARY KEY (id), ADD UNIQUE (workflow_id, reminder_on);

ALTER TABLE customers           ADD FOREIGN KEY (referred_by) REFERENCES customers;
ALTER TABLE orders              ADD FOREIGN KEY (customer_id) REFERENCES customers,
                                ADD FOREIGN KEY (handled_by)  REFERENCES users;
ALTER TABLE order_items         ADD FOREIGN KEY (order_id)    REFERENCES orders ON DELETE CASCADE,
                                ADD FOREIGN KEY (product_id)  REFERENCES products;
ALTER TABLE payments            ADD FOREIGN KEY (order_id)    REFERENCES orders;
ALTER TABLE ledger_entries      ADD FOREIGN KEY (payment_id)  REFERENCES payments;
ALTER TABLE inventory           ADD FOREIGN KEY (product_id)  REFERENCES products ON DELETE CASCADE;
ALTER TABLE sessions            ADD FOREIGN KEY (user_id)     REFERENCES users ON DELETE CASCADE,
                                ADD FOREIGN KEY (customer_id) REFERENCES customers ON DELETE CASCADE;
ALTER TABLE job_executions      ADD FOREIGN KEY (requested_by) REFERENCES users ON DELETE SET NULL;
ALTER TABLE signature_workflows ADD FOREIGN KEY (requested_by) REFERENCES users,
                                ADD FOREIGN KEY (customer_id) REFERENCES customers;
ALTER TABLE signature_reminders ADD FOREIGN KEY (workflow_id) REFERENCES signature_workflows ON DELETE CASCADE;

CREATE INDEX customers_email_lower     ON customers (lower(email));
CREATE INDEX orders_customer           ON orders (customer_id);
CREATE INDEX orders_placed_at          ON orders (placed_at);
CREATE INDEX orders_open               ON orders (handled_by, placed_at) WHERE status = 'pending';
CREATE INDEX payments_order            ON payments (order_id);
CREATE INDEX ledger_entries_payment    ON ledger_entries (payment_id);
CREATE INDEX ledger_entries_booked_on  ON ledger_entries (booked_on);
CREATE INDEX inventory_low             ON inventory (product_id) WHERE on_hand - reserved < reorder_point;
CREATE INDEX inventory_updated_at      ON inventory (updated_at);
CREATE INDEX sessions_expires_at       ON sessions (expires_at);
CREATE INDEX job_executions_archived   ON job_executions (archived_at) WHERE archived_at IS NOT NULL;
CREATE INDEX job_executions_queue      ON job_executions (queue, scheduled_at) WHERE status = 'queued';
CREATE INDEX incoming_webhooks_pending ON incoming_webhooks (received_at) WHERE status = 'received';
CREATE INDEX signature_workflows_open  ON signature_workflows (due_on) WHERE status IN ('sent', 'viewed');

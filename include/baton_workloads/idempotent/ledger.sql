-- The ledger of idempotent jobs, in the database that the jobs work on, so that work and its record commit together.
-- Made by `python -m baton_workloads idempotent prepare`. It holds names, times and counts, no personal data.

CREATE SCHEMA IF NOT EXISTS baton;

-- One row for each window of each job: the guard.
CREATE TABLE IF NOT EXISTS baton.job_windows (
    job          text        NOT NULL,
    window_key   text        NOT NULL,
    state        text        NOT NULL CHECK (state IN ('processing', 'done')),
    attempts     integer     NOT NULL DEFAULT 1,
    holder       text        NOT NULL,
    started_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at  timestamptz,
    result       jsonb,
    PRIMARY KEY (job, window_key)
);

-- One row for each item whose effect cannot be taken back: pending, started (perhaps it happened), done.
CREATE TABLE IF NOT EXISTS baton.job_items (
    job          text        NOT NULL,
    item         text        NOT NULL,
    state        text        NOT NULL CHECK (state IN ('pending', 'started', 'done')),
    reference    text,
    outcome      text,
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    started_at   timestamptz,
    finished_at  timestamptz,
    PRIMARY KEY (job, item)
);
CREATE INDEX IF NOT EXISTS job_items_open ON baton.job_items (job, state) WHERE state <> 'done';

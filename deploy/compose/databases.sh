#!/bin/bash
# Runs once, when PostgreSQL's volume is new: a database for Airflow, the demo source and the warehouse, with their roles.
set -euo pipefail

psql --set ON_ERROR_STOP=1 --username postgres \
    --set airflow="$AIRFLOW_DB_PASSWORD" --set reader="$SHOP_READER_PASSWORD" --set warehouse="$WAREHOUSE_PASSWORD" <<'SQL'
CREATE ROLE airflow LOGIN PASSWORD :'airflow';
CREATE ROLE warehouse LOGIN PASSWORD :'warehouse';
CREATE ROLE shop_reader LOGIN PASSWORD :'reader';
CREATE DATABASE airflow OWNER airflow;
CREATE DATABASE warehouse OWNER warehouse;
CREATE DATABASE shop;
REVOKE CONNECT ON DATABASE airflow, warehouse, shop FROM PUBLIC;
GRANT CONNECT ON DATABASE shop TO shop_reader;
\connect shop
GRANT pg_read_all_data TO shop_reader;
SQL

#!/bin/bash
# Runs once, when PostgreSQL's volume is new: a database for Airflow, the demo source and the warehouse, with their roles.
set -euo pipefail

psql --set ON_ERROR_STOP=1 --username postgres \
    --set airflow="$AIRFLOW_DB_PASSWORD" --set reader="$SHOP_READER_PASSWORD" --set warehouse="$WAREHOUSE_PASSWORD" \
    --set worker="$SHOP_WORKER_PASSWORD" --set maintainer="$SHOP_MAINTAINER_PASSWORD" \
    --set backup="$SHOP_BACKUP_PASSWORD" --set restorer="$RESTORER_PASSWORD" <<'SQL'
CREATE ROLE airflow LOGIN PASSWORD :'airflow';
CREATE ROLE warehouse LOGIN PASSWORD :'warehouse';
CREATE ROLE shop_reader LOGIN PASSWORD :'reader';
CREATE ROLE shop_worker LOGIN PASSWORD :'worker';
CREATE ROLE shop_maintainer LOGIN PASSWORD :'maintainer';
CREATE ROLE shop_backup LOGIN PASSWORD :'backup';
CREATE ROLE restorer LOGIN CREATEDB PASSWORD :'restorer';
CREATE DATABASE airflow OWNER airflow;
CREATE DATABASE warehouse OWNER warehouse;
CREATE DATABASE shop;
CREATE DATABASE scratch OWNER restorer;
REVOKE CONNECT ON DATABASE airflow, warehouse, shop, scratch FROM PUBLIC;
GRANT CONNECT ON DATABASE shop TO shop_reader, shop_worker, shop_maintainer, shop_backup;
GRANT pg_read_all_data TO shop_reader, shop_worker, shop_maintainer, shop_backup;
GRANT pg_write_all_data TO shop_worker;
GRANT pg_maintain, pg_monitor TO shop_maintainer;
SQL

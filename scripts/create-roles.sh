#!/usr/bin/env bash
# Makes Holdfast's two roles and its database in a PostgreSQL of your own, as a superuser. Run once,
# with PGHOST, PGUSER and PGPASSWORD of the superuser, or by the postgres image at first start.
set -euo pipefail
: "${OWNER_DB_PASSWORD:?is the password of the role that migrates}"
: "${APP_DB_PASSWORD:?is the password of the role that serves}"

psql --no-psqlrc --set=ON_ERROR_STOP=1 --dbname="${PGDATABASE:-postgres}" \
  --username="${PGUSER:-${POSTGRES_USER:-postgres}}" \
  --set=owner_password="$OWNER_DB_PASSWORD" \
  --set=app_password="$APP_DB_PASSWORD" <<'SQL'
create role holdfast_owner login password :'owner_password';
create role holdfast_app login password :'app_password';
alter role holdfast_app set transaction_timeout = '15s';
create database holdfast owner holdfast_owner;
SQL

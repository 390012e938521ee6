#!/bin/bash
# Makes the cluster once, as the official image does, and gives way to the server: POSTGRES_PASSWORD, POSTGRES_USER,
# POSTGRES_DB, POSTGRES_INITDB_ARGS (each also as …_FILE), POSTGRES_HOST_AUTH_METHOD, PGDATA.
set -euo pipefail

# The value of a variable, or of the file that NAME_FILE names; else the second word.
setting() {
    local file=$1_FILE
    if [[ -n ${!file:-} ]]; then cat "${!file}"; else echo "${!1:-$2}"; fi
}

make_cluster() {
    local user password database method
    user=$(setting POSTGRES_USER postgres)
    password=$(setting POSTGRES_PASSWORD '')
    database=$(setting POSTGRES_DB "$user")
    method=${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}
    if [[ -z $password && $method != trust ]]; then
        echo 'The superuser has no password: set POSTGRES_PASSWORD.' >&2
        exit 1
    fi
    local arguments
    read -ra arguments <<< "$(setting POSTGRES_INITDB_ARGS '')"
    if [[ -n $password ]]; then
        arguments+=(--pwfile=/tmp/password)
        (umask 077 && echo "$password" > /tmp/password)
    fi
    # Beside its place, and moved there whole: an interrupted start leaves no half of a cluster.
    rm -rf "$PGDATA.new"
    mkdir -p "$(dirname "$PGDATA")"
    initdb --pgdata="$PGDATA.new" --username="$user" "${arguments[@]}"
    rm -f /tmp/password
    printf '\nhost all all all %s\n' "$method" >> "$PGDATA.new/pg_hba.conf"
    printf "\nlisten_addresses = '*'\nunix_socket_directories = '/var/run/postgresql,/tmp'\n" >> "$PGDATA.new/postgresql.conf"
    if [[ $database != postgres ]]; then
        postgres --single -j -D "$PGDATA.new" postgres <<< "CREATE DATABASE \"$database\""
    fi
    rm -rf "$PGDATA"
    mv "$PGDATA.new" "$PGDATA"
}

if [[ ${1:-} == -* ]]; then set -- postgres "$@"; fi
if [[ ${1:-} == postgres && ! -s $PGDATA/PG_VERSION ]]; then make_cluster; fi
exec "$@"

#!/bin/sh
# Runs at each start: waits for k3s, then makes the namespace, the Services that lead out to compose, and the Secrets.
# The Secrets' files live in memory (/run is a tmpfs) and end with this container.
set -eu

export KUBECONFIG=/run/kubeconfig.yaml
until [ -s /kube/k3s.yaml ]; do sleep 1; done
# k3s writes its own loopback address.
sed 's#https://127.0.0.1:6443#https://k3s:6443#' /kube/k3s.yaml > "$KUBECONFIG"
until kubectl get --raw /readyz > /dev/null 2>&1; do sleep 1; done

# Airflow's user is in group 0; nobody else reads it.
cp "$KUBECONFIG" /kube/kubeconfig.yaml
chmod 0640 /kube/kubeconfig.yaml

cp -r /deploy /run/deploy
SOURCE="postgresql://shop_reader:$SHOP_READER_PASSWORD@postgres/shop"
WAREHOUSE="postgresql://warehouse:$WAREHOUSE_PASSWORD@postgres/warehouse"

# secret STAGE KEY SECRET LINE… writes the environment of one stage.
secret() {
    stage=$1; key=$2; access=$3; shift 3
    {
        printf '%s\n' "$@"
        printf 'AWS_ACCESS_KEY_ID=%s\nAWS_SECRET_ACCESS_KEY=%s\n' "$key" "$access"
        printf 'AWS_DEFAULT_REGION=us-east-1\nAWS_ENDPOINT_URL_S3=http://objects:8333\n'
    } > "/run/deploy/kubernetes/secrets/$stage.env"
}
# plain STAGE LINE… writes the environment of a stage that reaches no bucket.
plain() {
    stage=$1; shift
    printf '%s\n' "$@" > "/run/deploy/kubernetes/secrets/$stage.env"
}
shop() { printf 'BATON_SHOP_%s_DSN=postgresql://shop_%s:%s@postgres/shop' "$1" "$2" "$3"; }
RAW=BATON_RAW_URI=s3://raw
PROCESSED=BATON_PROCESSED_URI=s3://processed
secret export "$S3_EXPORT_KEY" "$S3_EXPORT_SECRET" "BATON_SOURCE_DSN=$SOURCE" "$RAW"
secret transform "$S3_TRANSFORM_KEY" "$S3_TRANSFORM_SECRET" "$RAW" "$PROCESSED" "BATON_PSEUDONYM_KEY=$PSEUDONYM_KEY"
secret load "$S3_LOAD_KEY" "$S3_LOAD_SECRET" "$PROCESSED" "BATON_WAREHOUSE_DSN=$WAREHOUSE"
secret validate "$S3_VALIDATE_KEY" "$S3_VALIDATE_SECRET" "$RAW" "$PROCESSED" "BATON_WAREHOUSE_DSN=$WAREHOUSE"
secret purge "$S3_PURGE_KEY" "$S3_PURGE_SECRET" "$RAW"

WORKER=$(shop WORKER worker "$SHOP_WORKER_PASSWORD")
MAIL=BATON_SMTP_URL=smtp://mail:1025
BACKUPS=BATON_BACKUPS_URI=s3://backups
MANIFESTS=BATON_BACKUP_MANIFEST_KEY=$BACKUP_MANIFEST_KEY
plain signatures "$WORKER" "$MAIL"
plain inventory "$WORKER" "BATON_INVENTORY_API_URL=$INVENTORY_API_URL" "BATON_INVENTORY_API_TOKEN=$INVENTORY_API_TOKEN"
plain maintain "$(shop MAINTAINER maintainer "$SHOP_MAINTAINER_PASSWORD")"
secret cleanup "$S3_CLEANUP_KEY" "$S3_CLEANUP_SECRET" "$WORKER" BATON_COLD_STORAGE_URI=s3://cold-storage \
    BATON_REPORTS_URI=s3://reports
plain warm BATON_WARM_BASE_URL=http://airflow-api-server:8080
secret backup "$S3_BACKUP_KEY" "$S3_BACKUP_SECRET" "$(shop BACKUP backup "$SHOP_BACKUP_PASSWORD")" "$BACKUPS" \
    "BATON_BACKUP_RECIPIENTS=$BACKUP_RECIPIENTS" "$MANIFESTS"
# Without a kubeconfig it is the pod's own service account.
secret cluster "$S3_CLUSTER_KEY" "$S3_CLUSTER_SECRET" BATON_CLUSTER_KUBECONFIG= "$BACKUPS" \
    "BATON_BACKUP_RECIPIENTS=$BACKUP_RECIPIENTS"
secret prove "$S3_PROVE_KEY" "$S3_PROVE_SECRET" "$BACKUPS" "BATON_BACKUP_IDENTITY=$BACKUP_IDENTITY" \
    "$MANIFESTS" "BATON_SCRATCH_DSN=postgresql://restorer:$RESTORER_PASSWORD@postgres/scratch"
secret replicate "$S3_REPLICATE_KEY" "$S3_REPLICATE_SECRET" "$BACKUPS" BATON_REPLICA_URI=s3://backups-replica \
    "$MANIFESTS"
secret report "$S3_REPORT_KEY" "$S3_REPORT_SECRET" "BATON_SOURCE_DSN=$SOURCE" "BATON_WAREHOUSE_DSN=$WAREHOUSE" \
    BATON_REPORTS_URI=s3://reports

kubectl apply -k /run/deploy/compose/kubernetes

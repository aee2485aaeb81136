#!/usr/bin/env bash
# From `git clone` to a first CronJob of one's own, seen as a DAG and run on the local Kubernetes: seconds of each step.
#
#   benchmarks/first_cronjob.sh [MANIFEST NAME]    default: a CronJob of one line, made here
#
# In a temporary folder with a .venv of its own, as a new user has it; only the package cache may be warm.
set -euo pipefail

source=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
manifest=${1:+$(realpath "$1")}
name=${2:-my-cronjob}
folder=$(mktemp -d)
unset PYTHONPATH AIRFLOW_HOME BATON_STATE_DIR

step() {
  local began=$SECONDS
  "${@:2}" >>"$folder/log" 2>&1 || { tail -n 20 "$folder/log"; exit 1; }
  printf '%-46s %4d s\n' "$1" $((SECONDS - began))
}

clean_up() {
  [ ! -x "$folder/baton/baton" ] || "$folder/baton/baton" down >/dev/null 2>&1 || true
  rm -rf "$folder"
}
trap clean_up EXIT

if [ -z "$manifest" ]; then
  manifest=$folder/my-cronjob.yaml
  cat >"$manifest" <<'END'
apiVersion: batch/v1
kind: CronJob
metadata: {name: my-cronjob}
spec:
  schedule: "0 2 * * *"
  jobTemplate:
    spec:
      template:
        spec:
          restartPolicy: Never
          containers: [{name: hello, image: busybox, command: [echo, it ran]}]
END
fi

cd "$folder"
step "git clone" git clone --quiet "$source" baton
cd baton
step "set-up of .venv (./baton doctor)" ./baton doctor
step "./baton up --detach" ./baton up --detach
step "cp MANIFEST include/cronjobs" cp "$manifest" include/cronjobs/
step "./baton import include/cronjobs" ./baton import include/cronjobs
step "./baton trigger $name --wait" ./baton trigger "$name" --wait
printf '%-46s %4d s\n' "in all" "$SECONDS"

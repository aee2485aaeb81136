"""Commands of `baton_workloads` as tasks: operator, trigger, and the stages of the chain, backups and maintenance."""

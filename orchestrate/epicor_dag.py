"""An Airflow DAG that copies Epicor Kinetic in many runs of tap-epicor at once: plan, read each shard, merge states.

What it runs stands in epicor.toml beside it, how to set it up in docs/scale.md.
"""

from __future__ import annotations

import tomllib
from datetime import timedelta
from pathlib import Path

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

SETTINGS = tomllib.loads(Path(__file__).with_name("epicor.toml").read_text())

BEGIN = """
set -euo pipefail
shopt -s nullglob
cd '{{ folder }}'
run='runs/{{ run_id }}'
export TAP_EPICOR_MAX_CONNECTIONS={{ connections }}
"""

PLAN = """
rm -rf "$run"
mkdir -p "$run"
before=$([ ! -e state.json ] || echo --state state.json)
{{ tap }} plan --catalog catalog.json $before --shards {{ shards }} --into "$run" >&2
find "$run" -name 'shard-*.json' | wc -l
"""

# A line that the loader writes is a state of which all rows are in the warehouse. A retry goes on from the last one.
# sed drops the line that a killed tap did not end, upon which a loader would fail before it had told its state.
READ = """
state=$run/state-$SHARD.json
before=$([ ! -e "$state" ] || echo "--state $state")
{{ tap }} --catalog catalog.json $before --shard "$run/shard-$SHARD.json" | sed -n '/}$/p' | {{ loader }} |
    while IFS= read -r line; do printf '%s\\n' "$line" > "$state.new"; mv "$state.new" "$state"; done
"""

MERGE = """
{{ tap }} merge-states --plan "$run/plan.json" --into state.json "$run"/state-*.json
"""


def environments(number: str) -> list[dict[str, str]]:
    """Return what tells the runs of so many shards apart."""
    return [{"SHARD": str(shard + 1)} for shard in range(int(number))]


with DAG(
    "epicor",
    schedule=SETTINGS["schedule"] or None,
    catchup=False,
    max_active_runs=1,
    user_defined_macros=SETTINGS,
    default_args={
        "append_env": True,
        "pool": SETTINGS["pool"],
        "pool_slots": SETTINGS["connections"],
        "retries": SETTINGS["retries"],
        "retry_delay": timedelta(seconds=SETTINGS["retry_seconds"]),
    },
):
    plan = BashOperator(task_id="plan", bash_command=BEGIN + PLAN, output_processor=environments)
    read = BashOperator.partial(task_id="read", bash_command=BEGIN + READ).expand(env=plan.output)
    # It fails where a shard did, which it names; the bookmarks of all other streams have moved on.
    merge = BashOperator(task_id="merge", bash_command=BEGIN + MERGE, trigger_rule="all_done", retries=0)
    read >> merge

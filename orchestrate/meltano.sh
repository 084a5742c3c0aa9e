#!/usr/bin/env bash
# Does `meltano run tap-epicor LOADER` in so many shards, some of them at once, in a project that has both:
#   orchestrate/meltano.sh SHARDS AT_ONCE [LOADER]
# Each shard has an extractor and a loader of its own name, since runs of one name write over each other's files.
set -euo pipefail
shards=$1 at_once=$2 loader=${3:-target-postgres}
id=${MELTANO_ENVIRONMENT:-dev}:tap-epicor-to-$loader
export TAP_EPICOR_MAX_CONNECTIONS=${TAP_EPICOR_MAX_CONNECTIONS:-2}

rm -rf shards && mkdir shards
meltano invoke --dump=catalog tap-epicor > shards/catalog.json
meltano state get "$id" > shards/before.json
meltano invoke tap-epicor:plan --catalog "$PWD/shards/catalog.json" --state "$PWD/shards/before.json" \
    --shards "$shards" --into "$PWD/shards/plan"
names=$(cd shards/plan && ls | sed -n 's/^shard-\(.*\)\.json$/\1/p')

{
    echo plugins:
    echo "  extractors:"
    for name in $names; do
        echo "  - name: tap-epicor--$name"
        echo "    inherit_from: tap-epicor"
        echo "    catalog: shards/catalog.json"
        echo "    config: {shard: $PWD/shards/plan/shard-$name.json}"
    done
    echo "  loaders:"
    for name in $names; do
        echo "  - {name: $loader--$name, inherit_from: $loader}"
    done
} > shards/shards.meltano.yml

# A run that failed goes on from where it was; two loaders that make the same table at once are one reason.
run() { meltano run --state-id-suffix="$plan" "tap-epicor--$1" "$2--$1"; }
tries() { for try in 1 2 3; do run "$@" && return; sleep $((10 * try)); done; return 1; }
export -f run tries
plan=$(sed -n 's/^  "plan": "\(.*\)",$/\1/p' shards/plan/plan.json)
export plan
echo "$names" | xargs -P "$at_once" -I NAME bash -c "tries NAME $loader" || failed=1

for name in $names; do
    meltano state get "${MELTANO_ENVIRONMENT:-dev}:tap-epicor--$name-to-$loader--$name:$plan" > "shards/state-$name.json"
done
meltano invoke tap-epicor:merge-states --plan "$PWD/shards/plan/plan.json" --into "$PWD/shards/state.json" \
    "$PWD"/shards/state-*.json || failed=1
printf '{"singer_state": %s}' "$(cat shards/state.json)" > shards/after.json
meltano state set --force "$id" --input-file shards/after.json
exit "${failed:-0}"

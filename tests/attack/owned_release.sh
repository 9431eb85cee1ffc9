#!/usr/bin/env bash
# The attacker's capture is in no release: a release configures without a target, a file or a hook of it, and the
# capture of this build has no symbol of it.   owned_release.sh SOURCE SCRATCH CAPTURE OWNED
set -u
source=$1 scratch=$2 capture=$3 owned=$4
fail() { echo "$*"; exit 1; }

nm "$owned" | grep -q ' ap_owned_run$' || fail "the attacker's capture has not the symbol that is looked for"
nm "$capture" | grep -E 'owned|__wrap_' && fail "the capture has something of the attacker's"

rm -rf "$scratch"
cmake --preset release -S "$source" -B "$scratch" >"$scratch.log" 2>&1 || { cat "$scratch.log"; fail "no release"; }
{ grep '"file"' "$scratch/compile_commands.json" | grep '/tests/' || grep AP_TEST_HOOKS "$scratch/compile_commands.json"; } &&
	fail "a release would hold tests"
ninja -C "$scratch" -t targets all | grep -E 'capture-owned|owned_' && fail "a release has a target for it"
rm -rf "$scratch" "$scratch.log"
echo "not in a release"

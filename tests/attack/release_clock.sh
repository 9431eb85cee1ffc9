#!/usr/bin/env bash
# Nobody sets a release's clock: what can be told the time in a test build is not even compiled into one. Configures a
# release, compiles those few files that name the test clock as it would, and looks into them; this build's own vault has it,
# so the search would see it.   release_clock.sh SOURCE SCRATCH VAULT
set -u
source=$1 scratch=$2 vault=$3
fail() { echo "$*"; exit 1; }

grep -qa 'test-clock' "$vault" || fail "this build's vault has not the name that is looked for"
grep -q 'build release' "$source/scripts/run" || fail "scripts/run does not build the release preset"
mapfile -t files < <(cd "$source" && grep -rlE 'AP_TEST_CLOCK|ap_clock_test_file|test-clock' --include='*.c' common recorder gateway cli)
[ "${#files[@]}" -gt 1 ] || fail "no file names the test clock: look for another name"

rm -rf "$scratch"
cmake --preset release -S "$source" -B "$scratch" >"$scratch.log" 2>&1 || { cat "$scratch.log"; fail "no release"; }
grep -E 'AP_TEST_(HOOKS|CLOCK)' "$scratch/compile_commands.json" && fail "a release is compiled with test hooks"
for file in "${files[@]}"; do
	mapfile -t objects < <(ninja -C "$scratch" -t targets all | sed -nE "s#^(${file%/*}[^:]*/${file##*/}\.o|[^:]*\.dir/${file#*/}\.o): .*#\1#p")
	[ "${#objects[@]}" -gt 0 ] || fail "no release compiles $file"
	ninja -C "$scratch" "${objects[@]}" >"$scratch.log" 2>&1 || { cat "$scratch.log"; fail "$file does not compile in a release"; }
	for object in "${objects[@]}"; do
		grep -qa 'test-clock' "$scratch/$object" && fail "$file has the test clock's file in a release"
		[ "${file##*/}" != clock.c ] || { nm -u "$scratch/$object" | grep -E 'g_file_get|open|getenv' && fail "a release's clock reads something"; }
	done
done
rm -rf "$scratch" "$scratch.log"
echo "a release's clock is the system's: ${files[*]}"

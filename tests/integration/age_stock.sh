#!/bin/sh
# The stock age tool and ours, both directions, over sizes at and around the chunk's: age_stock.sh APARTE
set -eu
command -v age >/dev/null && command -v age-keygen >/dev/null || { echo "skipped: the age tool is not installed"; exit 77; }
aparte=$1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
age-keygen -o identity 2>/dev/null
recipient=$(age-keygen -y identity)
for size in 0 1 15 16 17 65535 65536 65537 131072 196608 1048576 1048577 5000001; do
	head -c "$size" /dev/urandom >plain
	age -r "$recipient" -o theirs.age plain
	"$aparte" age decrypt -i identity theirs.age | cmp - plain
	"$aparte" age encrypt -r "$recipient" -o ours.age plain
	age -d -i identity ours.age | cmp - plain
	"$aparte" age encrypt -r "$recipient" <plain | age -d -i identity | cmp - plain
done
# A cut file gives no output file, and exit status 1.
head -c 70000 ours.age >cut.age
if "$aparte" age decrypt -i identity -o out cut.age 2>error; then echo "a cut file was taken"; exit 1; fi
test ! -e out && test ! -e out.part && grep -q 'altered, cut' error
# A file for two recipients opens with either identity, and an identity file may hold both.
age-keygen -o other 2>/dev/null
age -r "$(age-keygen -y other)" -r "$recipient" -o two.age plain
"$aparte" age decrypt -i identity two.age | cmp - plain
"$aparte" age decrypt -i other two.age | cmp - plain
age -r "$recipient" -o one.age plain
cat other identity >both
"$aparte" age decrypt -i both one.age | cmp - plain
if "$aparte" age decrypt -i other one.age >/dev/null 2>&1; then echo "the wrong identity opened it"; exit 1; fi
echo "all sizes agree with the stock age tool"

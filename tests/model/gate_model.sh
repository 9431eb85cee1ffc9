#!/bin/sh
# Searches tests/model/gate.pml with spin: gate_model.sh DIR MODEL safe|live|unsafe|stuck [-D…]
# safe, live: the claim must hold; unsafe, stuck: with a safeguard taken away the hole must be found. 77: no spin here.
set -eu
dir=$1 model=$2 wanted=$3
shift 3
command -v spin >/dev/null || { echo "spin is not installed: scripts/packages"; exit 77; }
rm -rf "$dir" && mkdir -p "$dir" && cd "$dir"
spin "$@" -a "$model" >spin.log 2>&1 || { cat spin.log; exit 1; }
case $wanted in
safe | unsafe)
	cc -O0 -DSAFETY -DNOCLAIM -DMEMLIM=3000 -o pan pan.c
	./pan -m200000 -w22 >pan.log 2>&1
	;;
*)
	cc -O0 -DNFAIR=3 -DMEMLIM=3000 -o pan pan.c
	./pan -a -f -m200000 -w22 -N answered >pan.log 2>&1
	;;
esac
grep -E "errors:|states, stored|assertion violated|acceptance cycle|invalid end" pan.log
if grep -qE "max search depth too small|Search not completed|memory limit" pan.log && ! grep -q "errors: 1" pan.log; then
	echo "the search was not completed"
	exit 1
fi
case $wanted in
safe | live) grep -q "errors: 0" pan.log ;;
*) grep -q "errors: 1" pan.log ;;
esac

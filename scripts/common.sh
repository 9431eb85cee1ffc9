# shellcheck shell=bash
# What scripts/run and scripts/test share. Sourced; `top` is the checkout.
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say() { printf '%s\n' "$*"; }
die() { printf '%s\n' "$*" >&2; exit 1; }

# The packages of the kinds named that dpkg does not have. npm also comes with other builds of Node.
missing_packages() {
	local kind name
	while read -r kind name; do
		case " $* " in *" $kind "*) ;; *) continue ;; esac
		[ "$name" = npm ] && command -v npm >/dev/null && continue
		dpkg-query -W -f='${db:Status-Status}\n' "$name" 2>/dev/null | grep -qx installed || printf '%s\n' "$name"
	done < <(grep -v '^#' "$top/scripts/packages")
}

# install_packages KIND…: nothing missing, nothing touched.
install_packages() {
	local missing command
	mapfile -t missing < <(missing_packages "$@")
	[ "${#missing[@]}" -eq 0 ] && return 0
	command="apt-get update && apt-get install -y --no-install-recommends ${missing[*]}"
	[ "$(id -u)" -eq 0 ] || die "These Debian packages are missing. As root: $command"
	say "Installing: ${missing[*]}"
	apt-get update -qq >/dev/null 2>&1 || true
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null ||
		die "The packages could not be installed. Run: $command"
}

# build PRESET [TARGET]: quiet when it works; a second one takes a second.
build() {
	local log="$top/build/$1.log"
	local target=${2:-all}
	mkdir -p "$top/build"
	"$top/scripts/build-srtp"
	[ -f "$top/build/$1/build.ninja" ] || say "Building ($1); the first time takes a minute or two."
	if ! (cd "$top" && cmake --preset "$1" && cmake --build --preset "$1" --target "$target") >"$log" 2>&1; then
		grep -E 'error|FAILED' "$log" | head -20 >&2
		die "The build failed; $log has all of it."
	fi
}

# The browser tests' packages; the browsers are Debian's, none is downloaded.
npm_packages() {
	local e2e=$top/tests/e2e
	cmp -s "$e2e/package-lock.json" "$e2e/node_modules/.installed" && return 0
	say "Installing the browser tests' npm packages."
	(cd "$e2e" && PUPPETEER_SKIP_DOWNLOAD=1 PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 npm ci --silent --no-audit --no-fund) ||
		die "npm ci failed in tests/e2e; it needs the npm registry once."
	cp "$e2e/package-lock.json" "$e2e/node_modules/.installed"
}

# Whether any user of this machine could reach a path: the processes run as users of their own under root.
anyone_reaches() {
	setpriv --reuid 65534 --regid 65534 --clear-groups test -r "$1" -a -x "$1" 2>/dev/null
}

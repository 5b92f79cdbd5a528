# prepare.sh - sourced by sdk/demo and sdk/check: what they need on a Debian machine that has nothing yet, and a build.

say() { printf '%s\n' "$*" >&2; }
die() { say "$0: $*"; exit 1; }

# What the build needs, and what a demonstration needs beside.
BUILD_PACKAGES="gcc make autoconf automake libtool pkg-config libltdl-dev libev-dev libssl-dev libinih-dev
  libcurl4-openssl-dev libmicrohttpd-dev libjansson-dev libexpat1-dev uthash-dev"
DEMO_PACKAGES="ffmpeg nginx-light jq curl procps util-linux"
# What measures in the lab (sdk/lab).
LAB_PACKAGES="iproute2 iperf3 iputils-ping jq procps util-linux"

# Install those of the packages named that are missing, with apt-get, as root or through sudo.
need_packages() {
  local missing="" p sudo=""
  for p in "$@"; do
    dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || missing="$missing $p"
  done
  [ -n "$missing" ] || return 0
  command -v apt-get >/dev/null || die "this machine has no apt-get; install by hand:$missing"
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || die "packages are missing; run as root: apt-get install$missing"
    sudo=sudo
  fi
  say "installing:$missing"
  # shellcheck disable=SC2086
  { $sudo apt-get update -qq && $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
    --no-install-recommends $missing; } >"${TMPDIR:-/tmp}/peer2view-apt.$$" 2>&1 || {
    tail -n 20 "${TMPDIR:-/tmp}/peer2view-apt.$$" >&2
    die "apt-get could not install:$missing"
  }
  rm -f "${TMPDIR:-/tmp}/peer2view-apt.$$"
}

# What pages are tested with, beside a browser: node, this machine's or Debian's, and the players and the driver that
# tests/e2e/pages names, from the package registry. They are in P2V_NODE_MODULES, where the tests look. need_pages FOLDER
need_pages() {
  local dir=$1 from=$SOURCE/tests/e2e/pages
  mkdir -p "$dir" || die "$dir cannot be made; set P2V_BUILD to a folder that can be written"
  export P2V_NODE_MODULES=$dir/node_modules
  ! cmp -s "$from/package-lock.json" "$dir/installed.json" || return 0
  cp "$from/package.json" "$from/package-lock.json" "$dir" &&
    (cd "$dir" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error) >"$dir/npm.log" 2>&1 &&
    cp "$from/package-lock.json" "$dir/installed.json" || {
    tail -n 20 "$dir/npm.log" >&2
    die "what pages need could not be installed; all of it is in $dir/npm.log"
  }
}

# Configure and build, outside the source tree unless that was configured itself. Sets BUILD to the folder. Without static
# libraries, which nobody links against here, every file of the libraries is compiled once instead of twice.
# need_build NAME [CONFIGURE OPTION]...
need_build() {
  local name=$1 log
  shift
  if [ -f "$SOURCE/config.status" ]; then
    BUILD=$SOURCE
  else
    BUILD=${P2V_BUILD:-$SOURCE/build}/$name
  fi
  log=$BUILD/sdk-build.log
  mkdir -p "$BUILD" || die "$BUILD cannot be made; set P2V_BUILD to a folder that can be written"
  say "building in $BUILD"
  {
    if [ ! -x "$SOURCE/configure" ]; then (cd "$SOURCE" && ./autogen.sh); fi &&
      if [ ! -f "$BUILD/config.status" ]; then (cd "$BUILD" && "$SOURCE/configure" --disable-static "$@"); fi &&
      make -C "$BUILD" -j"$(nproc)"
  } >"$log" 2>&1 || {
    tail -n 30 "$log" >&2
    die "the build failed; all of it is in $log"
  }
}

# Clean roots of Debian releases, and what runs in them; sourced, not run. Needs root.
# shellcheck shell=bash

ROOTS=${CGAPPLIANCE_ROOTS:-/var/tmp/cgappliance-roots}
BASE_PACKAGES="ca-certificates,curl,dbus,init,python3,systemd-sysv"

# the machine's own mirror, whatever it is and however it is written down
mirror() {
  local found
  found=$(apt-get indextargets --format '$(SITE) $(RELEASE)' 'Created-By: Packages' | awk '$2 !~ /-/ {print $1; exit}')
  [ -n "$found" ] || die "apt knows no mirror of Debian on this machine"
  printf '%s\n' "${found%/}"
}

roots_refused() {
  # says why no clean root can be made here; fails when one can
  local probe
  [ "$(id -u)" = 0 ] || { echo "it needs root"; return 0; }
  probe=$(mktemp -d)
  # shellcheck disable=SC2016 # expanded by the inner shell
  if unshare --mount --propagation=private sh -ec 'mount --rbind /proc "$1"; mount --make-rslave "$1"' sh "$probe" 2>&1; then
    rmdir "$probe"
    return 1
  fi
  rmdir "$probe"
}

boot_refused() {
  # boot_refused FOLDER: says why this root cannot be booted here; fails when it can
  if SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 timeout 60 systemd-nspawn --quiet --directory="$1" --register=no --keep-unit \
    --private-network --console=pipe /bin/true </dev/null 2>&1; then return 1; fi
}

one_at_a_time() {
  # one_at_a_time NAME: waits while another run uses the same root or work folder; two would take it from under each other
  mkdir -p "$ROOTS"
  exec 9>"$ROOTS/$1.lock"
  flock --timeout 1800 9 || die "another run still uses $1"
}

new_root() {
  # new_root RELEASE FOLDER: a fresh root; the first call for a release makes an archive that later ones unpack
  local archive="$ROOTS/$1.tar"
  mkdir -p "$ROOTS"
  if [ ! -e "$archive" ]; then
    say "making a root of $1"
    timeout 900 mmdebstrap --quiet --variant=minbase --include="$BASE_PACKAGES" "$1" "$archive.new" \
      "deb $(mirror) $1 main" "deb $(mirror) $1-updates main" "deb $(mirror)-security $1-security main"
    mv "$archive.new" "$archive"
  fi
  mkdir -p "$2"
  tar --extract --file="$archive" --directory="$2"
  # as Debian's installer writes it
  printf '127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n' >"$2/etc/hosts"
  # services start when the root is booted, not when a package is installed from outside
  printf '#!/bin/sh\nexit 101\n' >"$2/usr/sbin/policy-rc.d"
  chmod 755 "$2/usr/sbin/policy-rc.d"
}

remove_root() {
  # remove_root FOLDER: refuses while something is mounted below, or the machine's own files would go
  if grep -q " $1/" /proc/self/mounts; then die "something is mounted in $1; it was not removed"; fi
  rm -rf "$1"
}

lend_pip_settings() {
  # lend_pip_settings FOLDER: pip in the root asks where pip on this machine asks, and trusts whom it trusts
  local name
  PIP_ENVIRONMENT=()
  for name in PIP_INDEX_URL PIP_EXTRA_INDEX_URL PIP_DEFAULT_TIMEOUT HTTPS_PROXY https_proxy; do
    [ -z "${!name:-}" ] || PIP_ENVIRONMENT+=("$name=${!name}")
  done
  [ ! -e /etc/pip.conf ] || cp /etc/pip.conf "$1/etc/pip.conf"
  mkdir -p "$1/etc/pip-lent"
  cp --dereference "${PIP_CERT:-/etc/ssl/certs/ca-certificates.crt}" "$1/etc/pip-lent/ca.crt"
  PIP_ENVIRONMENT+=("PIP_CERT=/etc/pip-lent/ca.crt")
}

in_root() {
  # in_root FOLDER COMMAND...: with its own mounts, which end with the command; the network is the machine's
  local root=$1
  shift
  cp --dereference /etc/resolv.conf "$root/etc/resolv.conf"
  # shellcheck disable=SC2016 # expanded by the inner shell
  unshare --mount --propagation=private sh -ec '
    root=$1; shift
    for each in proc sys dev; do mount --rbind "/$each" "$root/$each"; mount --make-rslave "$root/$each"; done
    exec chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 HOME=/root DEBIAN_FRONTEND=noninteractive "$@"
  ' sh "$root" "$@"
}

boot() {
  # boot FOLDER NAME: boots systemd in the root, without a network but lo; sets BOOTED to the nspawn process, LEADER to its init
  SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 timeout 3600 systemd-nspawn --quiet --directory="$1" --boot --register=no --keep-unit \
    --private-network --console=pipe --machine="$2" </dev/null >"$1.console" 2>&1 9>&- &
  BOOTED=$!
  local deadline=$((SECONDS + 60))
  LEADER=
  until [ -n "$LEADER" ] && booted systemctl is-system-running 2>/dev/null | grep -qE 'running|degraded'; do
    [ $SECONDS -lt $deadline ] || die "the root does not boot; see $1.console"
    sleep 0.2
    # timeout -> systemd-nspawn -> init
    LEADER=$(pgrep --parent "$(pgrep --parent $BOOTED || echo 0)" || true)
  done
}

booted() {
  # booted COMMAND...: in the booted root
  nsenter --target "$LEADER" --mount --uts --ipc --net --pid --cgroup \
    env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 HOME=/root TERM=dumb DEBIAN_FRONTEND=noninteractive "$@"
}

power_off() {
  [ -n "${LEADER:-}" ] || return 0
  kill -SIGRTMIN+4 "$LEADER" 2>/dev/null || true
  wait "$BOOTED" 2>/dev/null || true
  LEADER=
}

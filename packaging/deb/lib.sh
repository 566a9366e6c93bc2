# Shared by the scripts of this folder; sourced, not run.
# shellcheck shell=bash disable=SC2034 # variables are used by those who source this

BUILD_PACKAGES="build-essential debhelper dh-python dh-apparmor fakeroot git libldap-dev libpq-dev libsasl2-dev python3-dev python3-pip
  python3-setuptools python3-venv python3-wheel"

say() { printf '%s\n' "$(basename "$0"): $*" >&2; }
die() { say "$*"; exit 1; }

release_number() { (. /etc/os-release && echo "${VERSION_ID:-0}"); }

own_release() {
  case "$(release_number)" in
    12) echo bookworm ;;
    13) echo trixie ;;
    *) die "Debian 12 or 13 is needed; use --release, which works in a clean root" ;;
  esac
}

install_packages() {
  local missing=() package as_root=
  for package in "$@"; do
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || die "these packages are missing: ${missing[*]} (install them as root)"
    as_root=sudo
  fi
  say "installing ${missing[*]}"
  $as_root apt-get -q -o DPkg::Lock::Timeout=300 update >&2
  $as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 install -y --no-install-recommends "${missing[@]}" >&2
}

source_tar() {
  # source_tar [COMMIT]: what a commit holds; else what git knows of the work tree, changes included; without git, all but what is made
  if [ -n "${1:-}" ]; then
    git -c safe.directory='*' archive "$1"
  elif git -c safe.directory='*' rev-parse --is-inside-work-tree >/dev/null 2>&1; then
    git -c safe.directory='*' ls-files -z --cached --others --exclude-standard --deduplicate | tar_of_list
  else
    find . -type f -not -path './.*' -not -path './dist/*' -not -name '*.pyc' -print0 | tar_of_list
  fi
}

tar_of_list() {
  while IFS= read -r -d '' file; do [ ! -f "$file" ] || printf '%s\0' "$file"; done | tar --create --no-recursion --null --files-from=-
}

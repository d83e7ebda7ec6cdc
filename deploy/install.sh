#!/usr/bin/env bash
# Installs affectd as a service on Debian, Ubuntu or JetPack, or a newer version of it beside the one that runs. As root.
#
#   install.sh [OPTION]...                               install what lies beside this script: a checkout, a wheel or an sdist
#   install.sh --rollback                                go back to the version before
#   install.sh --uninstall [--purge]                     remove it; --purge: settings, state and user, too
#
# --wheels DIR: Python packages come from there alone, nothing from the network. --onnxruntime-gpu FILE: NVIDIA's build, instead
# of the one for the CPU. --ready-within S: so long a new version may take to become READY (120). PYTHON names the interpreter
# (default python3, 3.8 or newer).
# A version that does not become READY is taken back, and the one before it goes on. A second run with nothing to do says so.
set -euo pipefail
shopt -s inherit_errexit
umask 022

opt=/opt/affectd
etc=/etc/affectd
units=/etc/systemd/system
main=affectd.service
command=/usr/local/bin/affectd
here=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
python=${PYTHON:-python3}
wheels='' gpu='' purge='' goal=install changed='' ready_s=120

say() { echo "install: $*"; }
die() { echo "install: error: $*" >&2; exit "${code:-1}"; }
usage() { sed -n '2,12s/^# \{0,1\}//p' "$0"; exit "$1"; }
has() { command -v "$1" >/dev/null 2>&1; }

while [ $# -gt 0 ]; do
  case $1 in
    --wheels) wheels=$(cd "${2:-/nowhere}" 2>/dev/null && pwd) || code=2 die "$1 wants a folder"; shift ;;
    --onnxruntime-gpu) gpu=$(readlink -e "${2:-}") || code=2 die "$1 wants a file"; shift ;;
    --ready-within)
      ready_s=${2:-}
      [[ $ready_s =~ ^[0-9]+$ ]] || code=2 die "$1 wants seconds"
      shift ;;
    --rollback) goal=rollback ;;
    --uninstall) goal=uninstall ;;
    --purge) purge=yes ;;
    -h | --help) usage 0 ;;
    *) code=2 die "$1: unknown; see $0 --help" ;;
  esac
  shift
done
[ -z "$purge" ] || [ $goal = uninstall ] || code=2 die "--purge goes with --uninstall"
[ "$(id -u)" -eq 0 ] || die "this needs root: sudo $0"
[ -d /run/systemd/system ] || die "systemd does not run here, and without it there is no service to install"
exec 9>/run/affectd-install.lock
flock -n 9 || die "another install.sh is at work"
# shellcheck source=deploy/install.d/service.sh
. "$here/install.d/service.sh"
# shellcheck source=deploy/install.d/version.sh
. "$here/install.d/version.sh"
# shellcheck source=deploy/install.d/around.sh
. "$here/install.d/around.sh"

install_it() {
  local before fresh='' why=''
  apt_needs
  "$python" -c 'import sys; sys.exit(sys.version_info < (3, 8))' || die "$python: 3.8 or newer is needed; name one with PYTHON="
  compgen -G "$here/systemd/$main" >/dev/null || die "no $here/systemd/$main: what lies here is not whole"
  find_source
  before=$(at current)
  choose_home
  [ "$(cat "$home/share/key" 2>/dev/null)" = "$key" ] || build
  people_and_folders "$home"
  settings "$home" "$before"
  if [ "$before" = "$home" ]; then switch_to "$home"; fi
  if [ "$before" = "$home" ] && [ -z "$changed" ]; then
    say "nothing to do: affectd $(version_of "$home") is installed, $main is $(state)"
    return
  fi
  try_out "$home"
  if [ -z "$before" ]; then
    switch_to "$home"
    systemctl enable -q $main
  fi
  if [ -z "$before" ] && [ -n "$fresh" ]; then
    say "affectd $(version_of "$home") is installed. Name a microphone and a broker in $etc/affectd.toml, then: systemctl start affectd"
    say "what microphones there are: affectd devices; what else is to do: affectd doctor"
    return
  fi
  if [ -n "$before" ] && [ "$(state)" = inactive ]; then
    switch_to "$home"
    say "affectd $(version_of "$home") is installed; the service was stopped, and still is: systemctl start affectd"
  else
    replace_by "$home"
    say "affectd $(version_of "$home") is installed and listens"
  fi
  [ -z "$before" ] || [ "$before" = "$home" ] || point "$opt/previous" "$before"
  forget_others
}

rollback() {
  local now before why=''
  now=$(at current) before=$(at previous)
  [ -n "$before" ] || die "there is no version before ${now:+$(version_of "$now")}"
  try_out "$before"
  replace_by "$before"
  point "$opt/previous" "$now"
  say "went back to $(version_of "$before"), which listens; $(version_of "$now") is kept: --rollback again returns to it"
}

uninstall() {
  local now unit user=affectd
  now=$(at current)
  [ -z "$now" ] || user=$(user_of "$now")
  for unit in ${now:+"$now"/share/systemd/*.service}; do
    systemctl disable -q --now "${unit##*/}" 2>/dev/null || true
    rm -f "$units/${unit##*/}"
    changed=yes
  done
  systemctl daemon-reload
  [ ! -e $opt ] || changed=yes
  [ ! -L $command ] || rm -f $command
  rm -rf $opt /var/cache/{,private/}affectd{,-dashboard} /etc/{sysusers,tmpfiles}.d/affectd{,-power}.conf
  if [ -n "$purge" ]; then
    for unit in $etc /var/lib/{,private/}affectd* "$units"/affectd*.service.d; do
      [ ! -e "$unit" ] || { rm -rf "$unit"; changed=yes; }
    done
    [ -z "$user" ] || ! id -u "$user" >/dev/null 2>&1 || { userdel "$user" && changed=yes; }
  fi
  [ -n "$changed" ] || { say "nothing to do: affectd is not installed"; return; }
  if [ -n "$purge" ]; then say "affectd is removed, with its settings and its state"; else
    say "affectd is removed; $etc and /var/lib/affectd are kept: --uninstall --purge removes them, too"
  fi
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
case $goal in
  install) install_it ;;
  rollback) rollback ;;
  uninstall) uninstall ;;
esac

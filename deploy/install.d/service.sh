# shellcheck shell=bash disable=SC2034,SC2154  # the names that all parts share are install.sh's
# Part of install.sh: one version takes the other's place, in files and in systemd.

put() { # SOURCE TARGET MODE [OWNER:GROUP]: only where something differs, and then at once
  local owner=${4:-root:root}
  if cmp -s "$1" "$2" && [ "$(stat -c '%a %U:%G' "$2")" = "${3#0} $owner" ]; then return 0; fi
  install -D -m "$3" -o "${owner%:*}" -g "${owner#*:}" "$1" "$2.part"
  mv "$2.part" "$2"
  changed=yes
}

point() { # LINK TARGET: at no moment without one
  [ "$(readlink "$1" 2>/dev/null)" != "$2" ] || return 0
  ln -sfn "$2" "$1.part"
  mv -T "$1.part" "$1"
  changed=yes
}

at() { readlink -e "$opt/$1" || true; } # LINK: the folder of the `current` or `previous` version; nothing without one
in_unit() { sed -n "s/^$1=//p" "$2/share/systemd/$main" | tail -n 1; } # KEY HOME
user_of() { in_unit User "$1"; }
version_of() { basename "$1"; }

state() { systemctl is-active "$main" 2>/dev/null || true; }

switch_to() { # HOME: its units and its commands are the ones in use from now on; nothing is started
  local unit before
  before=$(at current)
  for unit in "$1"/share/systemd/*.service; do put "$unit" "$units/${unit##*/}" 0644; done
  for unit in ${before:+"$before"/share/systemd/*.service}; do
    [ -e "$1/share/systemd/${unit##*/}" ] || { systemctl disable -q --now "${unit##*/}" || true; rm -f "$units/${unit##*/}"; }
  done
  point "$opt/current" "$1"
  point "$command" "$opt/current/bin/affectd"
  systemctl daemon-reload
}

start() { # until it is READY; what it says when it is not is in $why
  local since now until
  since=$(date +%s) until=$((SECONDS + ready_s))
  systemctl stop "$main"
  systemctl reset-failed "$main" 2>/dev/null || true
  # not waited for by systemctl: a service that waits for its microphone would be waited for, for ever
  systemctl start --no-block "$main"
  while now=$(systemctl show "$main" -p ActiveState -p SubState -p NRestarts | tr '\n' ' '); do
    case $now in
      *ActiveState=active\ *) start_companions; return 0 ;;
      *ActiveState=failed* | *SubState=auto-restart* | *NRestarts=[1-9]*) break ;;
    esac
    [ "$SECONDS" -lt "$until" ] || break
    sleep 0.2
  done
  why=$(said -p err "$since" || systemctl show "$main" -p StatusText --value | grep . || said -p debug "$since" || echo 'it says nothing')
  systemctl stop "$main"
  return 1
}

said() { # -p PRIORITY SINCE: its newest word of at least that weight, if it has said any
  journalctl -q "_SYSTEMD_UNIT=$main" "$1" "$2" -o cat --since "@$3" 2>/dev/null | tail -n 1 | grep .
}

start_companions() { # those that run: they are another version's
  local unit
  for unit in "$opt"/current/share/systemd/*.service; do
    [ "${unit##*/}" = "$main" ] || systemctl try-restart "${unit##*/}" || true
  done
}

replace_by() { # HOME: start it in the place of the version that runs, and go back to that one if it does not become READY
  local before failed was_ready=''
  before=$(at current)
  if [ "$(state)" = active ]; then was_ready=yes; fi
  switch_to "$1"
  if start; then return 0; fi
  failed=$why
  if [ -z "$before" ] || [ "$before" = "$1" ] || [ -z "$was_ready" ]; then
    [ -z "$before" ] || [ "$before" = "$1" ] || point "$opt/previous" "$before"
    systemctl start --no-block "$main" # it goes on trying, as it did before
    die "$(version_of "$1") is installed, but did not become READY ($failed); affectd doctor says what to do"
  fi
  switch_to "$before"
  start || die "$(version_of "$1") did not become READY ($failed), nor did $(version_of "$before") again ($why)"
  die "$(version_of "$1") did not become READY ($failed): went back to $(version_of "$before"), which listens"
}

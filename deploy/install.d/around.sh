# shellcheck shell=bash disable=SC2034,SC2154  # the names that all parts share are install.sh's
# Part of install.sh: what is around a version: its user, its folders, its settings.

people_and_folders() { # HOME: the service's user, and where it writes
  local user file
  user=$(user_of "$1")
  lay_down "$1" sysusers
  [ -z "$user" ] || id -u "$user" >/dev/null 2>&1 || systemd-sysusers 2>/dev/null
  lay_down "$1" tmpfiles
  # as systemd makes them at a start; the kernels are compiled before it
  for file in lib cache; do
    [ -z "$user" ] || [ -d "/var/$file/affectd" ] || install -d -m 0700 -o "$user" -g "$user" "/var/$file/affectd"
  done
}

lay_down() { # HOME KIND: NAME.KIND.conf to where systemd's tool of that kind reads it
  local file had=$changed
  changed=''
  for file in "$1"/share/systemd/*."$2".conf; do
    [ ! -e "$file" ] || put "$file" "/etc/$2.d/$(basename "$file" ".$2.conf").conf" 0644
  done
  if [ -n "$changed" ]; then
    case $2 in sysusers) systemd-sysusers 2>/dev/null ;; tmpfiles) systemd-tmpfiles --create ;; esac
  fi
  changed=${changed:-$had}
}

settings() { # HOME BEFORE: an operator's file is never touched; a new version's lies beside it
  local group
  group=$(user_of "$1")
  if [ ! -e "$etc/affectd.toml" ]; then
    put "$1/share/affectd.toml" "$etc/affectd.toml" 0640 "root:${group:-root}"
    chgrp "${group:-root}" "$etc"
    chmod 0750 "$etc"
    fresh=yes
  elif cmp -s "$1/share/affectd.toml" "$etc/affectd.toml"; then
    rm -f "$etc/affectd.toml.new"
  elif [ "$1" != "$2" ]; then
    put "$1/share/affectd.toml" "$etc/affectd.toml.new" 0640 "root:${group:-root}"
  fi
}

as_service() { # HOME COMMAND...: as its user, with its compiled kernels
  local user kept as=()
  user=$(user_of "$1")
  kept=$(sed -n 's/^Environment=.*NUMBA_CACHE_DIR=\([^" ]*\).*/\1/p' "$1/share/systemd/$main" | tail -n 1)
  [ -z "$user" ] || as=(runuser -u "$user" --)
  (cd / && "${as[@]}" env ${kept:+NUMBA_CACHE_DIR="$kept"} "${@:2}")
}

trial='
import sys
from pathlib import Path
from daemon import __main__, assembly, settings
code = __main__.main(["config", "check", sys.argv[1]])
if code == 0:
    assembly.open_model(settings.load(Path(sys.argv[1])).model.name)
sys.exit(code)'
try_out() { # HOME: all that can be found out while the version before still listens
  local said
  # kernels are compiled now, into the service's cache, and not while somebody waits for it to start
  said=$(as_service "$1" "$1/bin/python" -c "$trial" "$etc/affectd.toml" 2>&1) ||
    die "$(version_of "$1") cannot run: $(tail -n 1 <<<"$said"); nothing was changed"
}

forget_others() { # versions that are neither in use nor the one before
  local one
  for one in "$opt"/*/; do
    one=${one%/}
    case $one in "$(at current)" | "$(at previous)" | "$opt/current" | "$opt/previous") ;; *) rm -rf "$one" ;; esac
  done
}

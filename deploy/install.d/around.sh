# shellcheck shell=bash disable=SC2034,SC2154  # the names that all parts share are install.sh's
# Part of install.sh: what is around a version: its user, its folders, its settings.

people_and_folders() { # HOME: the service's user, and where it writes
  local user file
  user=$(user_of "$1")
  for file in "$1"/share/systemd/*sysusers*; do
    [ ! -e "$file" ] || put "$file" /etc/sysusers.d/affectd.conf 0644
  done
  [ ! -e /etc/sysusers.d/affectd.conf ] || [ -z "$user" ] || id -u "$user" >/dev/null 2>&1 || systemd-sysusers /etc/sysusers.d/affectd.conf
  for file in "$1"/share/systemd/*tmpfiles*; do
    [ ! -e "$file" ] || { put "$file" /etc/tmpfiles.d/affectd.conf 0644 && systemd-tmpfiles --create /etc/tmpfiles.d/affectd.conf; }
  done
  # as systemd makes them at a start; the kernels are compiled before it
  for file in lib cache; do
    [ -z "$user" ] || [ -d "/var/$file/affectd" ] || install -d -m 0700 -o "$user" -g "$user" "/var/$file/affectd"
  done
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

try_out() { # HOME: all that can be found out while the version before still listens
  local said
  said=$(as_service "$1" "$1/bin/affectd" config check "$etc/affectd.toml" 2>&1) ||
    die "$(version_of "$1") cannot run: $(tail -n 1 <<<"$said"); nothing was changed"
  # compiled now, into the service's cache, and not while somebody waits for it to start
  said=$(as_service "$1" "$1/bin/python" -c 'from daemon import assembly; from models import registry; assembly.open_model(registry.DEFAULT)' 2>&1) ||
    die "$(version_of "$1") cannot run: $(tail -n 1 <<<"$said"); nothing was changed"
}

forget_others() { # versions that are neither in use nor the one before
  local one
  for one in "$opt"/*/; do
    one=${one%/}
    case $one in "$(at current)" | "$(at previous)" | "$opt/current" | "$opt/previous") ;; *) rm -rf "$one" ;; esac
  done
}

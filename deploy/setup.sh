#!/usr/bin/env bash
# Installs what is missing, system packages included, then leaves: `setup.sh run` for `make run`, `setup.sh test` for `make test`.
# PYTHON names the interpreter (default python3, 3.8 or newer). A second call with nothing to do ends at once.
set -euo pipefail
cd "$(dirname "$0")/.."
goal=${1:-run}
python=${PYTHON:-python3}
PATH=$PATH:/usr/sbin:/sbin # where Debian keeps mosquitto, out of a plain user's way

say() { echo "setup: $*"; }
die() { echo "setup: error: $*" >&2; exit 1; }
has() { command -v "$1" >/dev/null 2>&1; }

# --- system packages ---------------------------------------------------------------------------------------------

as_root=()
may_use_apt() {
  has apt-get || return 1
  [ "$(id -u)" -eq 0 ] && return 0
  as_root=(sudo -n)
  has sudo && sudo -n true 2>/dev/null
}

apt_install() { # the lists may be missing or old: fetch them once the first try has failed
  local log
  log=$(mktemp)
  local install=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends -o DPkg::Lock::Timeout=120 install "$@")
  say "installing system packages: $*"
  if "${install[@]}" >"$log" 2>&1 </dev/null ||
    { "${as_root[@]}" apt-get -qq update >>"$log" 2>&1 </dev/null && "${install[@]}" >>"$log" 2>&1 </dev/null; }; then
    rm -f "$log"
    return 0
  fi
  say "apt-get failed: $(grep '^E:' "$log" | tail -n 1) (all of it: $log)" >&2
  return 1
}

python_has() { "$1" -c "$2" >/dev/null 2>&1; }
HAS_VENV='import venv, ensurepip'
HAS_HEADERS='import os, sys, sysconfig; sys.exit(not os.path.exists(sysconfig.get_path("include") + "/Python.h"))'
mic_can_be_built() { [ -e /usr/include/portaudio.h ] && has gcc && python_has "$python" "$HAS_HEADERS"; }

list_missing_packages() { # fills `needed`, without which we stop, and what else is worth a try: without it something is off
  needed=() for_mic=() for_page=() for_more=()
  local version=3
  if has "$python"; then
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    python_has "$python" "$HAS_VENV" || needed+=("python$version-venv")
  else
    needed+=(python3 python3-venv)
  fi
  has mosquitto || needed+=(mosquitto)
  [ -e /usr/include/portaudio.h ] || for_mic+=(portaudio19-dev)
  has gcc || for_mic+=(gcc libc6-dev)
  python_has "$python" "$HAS_HEADERS" || for_mic+=("python$version-dev")
  if [ "$goal" = test ]; then
    has pulseaudio || needed+=(pulseaudio)
    has pactl || needed+=(pulseaudio-utils)
    compgen -G '/usr/lib/*/alsa-lib/libasound_module_pcm_pulse.so' >/dev/null || needed+=(libasound2-plugins)
    has openssl || needed+=(openssl)
    has mosquitto_sub || needed+=(mosquitto-clients)
    has espeak-ng || needed+=(espeak-ng)
    has sox || needed+=(sox)
    # a systemd in a box, and what speaks to it, which is built here
    [ -x /lib/systemd/systemd ] || needed+=(systemd)
    has systemd-nspawn || needed+=(systemd-container)
    has pkg-config || needed+=(pkg-config)
    [ -e /usr/include/systemd/sd-daemon.h ] || needed+=(libsystemd-dev)
    has gcc || needed+=(gcc libc6-dev)
    python_has "$python" "$HAS_HEADERS" || needed+=("python$version-dev")
    # a second broker, large: where it cannot be had its tests are skipped, and say so
    [ -x /usr/lib/rabbitmq/bin/rabbitmq-server ] || for_more+=(rabbitmq-server)
    has chromium || has chromium-browser || has google-chrome || for_page+=(chromium)
  fi
}

system_packages() {
  local needed for_mic for_page for_more
  list_missing_packages
  local all=("${needed[@]}" "${for_mic[@]}" "${for_page[@]}" "${for_more[@]}")
  [ ${#all[@]} -eq 0 ] && return
  if ! may_use_apt; then
    [ ${#needed[@]} -eq 0 ] || die "missing on this machine: ${needed[*]}. Type: sudo apt-get install -y ${all[*]}"
    return 0
  fi
  [ ${#needed[@]} -eq 0 ] || apt_install "${needed[@]}" || die "these are needed: ${needed[*]}"
  [ ${#for_mic[@]} -eq 0 ] || apt_install "${for_mic[@]}" || true
  [ ${#for_page[@]} -eq 0 ] || apt_install "${for_page[@]}" || say "the page's tests will fail: they need a browser, chromium" >&2
  [ ${#for_more[@]} -eq 0 ] || apt_install "${for_more[@]}" || true
}

# --- Python packages ---------------------------------------------------------------------------------------------

check_python() { # and name it by its own path: a pyenv shim takes long to start
  has "$python" || die "$python: no such Python"
  "$python" -c 'import sys; sys.exit(sys.version_info < (3, 8))' 2>/dev/null ||
    die "$python says $("$python" -V 2>&1 | head -n 1 || true): 3.8 or newer is needed; name one with PYTHON=, as in: make $goal PYTHON=python3.8"
  python=$("$python" -c 'import sys; print(sys.executable)')
}

pip_install() { # VENV WHAT: pip says nothing unless it fails
  # jetson-stats, built as root, stops and starts a service of this machine, unless it takes it for a container
  container=affectd "$1/bin/python" -m pip install -q --disable-pip-version-check --no-input "${@:2}" >"$1/pip.log" 2>&1
}

key_of() { # INTERPRETER: changes with the project's dependencies, the interpreter and the place
  { cat pyproject.toml; pwd; "$1" -c 'import sys; print(sys.version, sys.prefix)'; } | sha256sum | cut -d ' ' -f 1
}

make_venv() { # INTERPRETER VENV: anew when it is of another version, or broken
  local clear=()
  [ "$("$2/bin/python" -V 2>/dev/null)" = "$("$1" -V)" ] || clear=(--clear)
  "$1" -m venv "${clear[@]}" "$2" || die "could not make $2 with $1"
}

fill_venv() { # INTERPRETER VENV EXTRAS: skipped when the stamp says that nothing changed
  local stamp=$2/stamp.${3:-plain} key
  key=$(key_of "$1")
  [ "$(cat "$stamp" 2>/dev/null)" = "$key" ] && [ -x "$2/bin/python" ] && return
  say "installing affectd${3:+ with $3} into $2; the first time takes minutes"
  make_venv "$1" "$2"
  if ! { pip_install "$2" --upgrade pip && pip_install "$2" -e ".${3:+[$3]}"; }; then
    die "pip: $(grep -i error "$2/pip.log" | tail -n 1) (all of it: $2/pip.log)"
  fi
  # the kernels are compiled now, into Numba's cache, and not while somebody waits for the first event
  "$2/bin/python" -c 'from dsp import frontend, params; frontend.warm_up(params.FrontEndParams())' || die "affectd does not run in $2"
  echo "$key" | tee "$2/stamp.plain" "$2/stamp.dashboard" >"$stamp" # every goal has the page
}

microphone() { # VENV: PyAudio has no wheel, it is built here; one line when that cannot be, and everything else works
  local key
  key=$(cat "$1/stamp.plain")
  if [ "$(cat "$1/stamp.mic" 2>/dev/null)" = "$key" ]; then return 0; fi
  if ! mic_can_be_built; then
    say "the microphone is off, PyAudio cannot be built; type: sudo apt-get install -y portaudio19-dev gcc libc6-dev python3-dev && make $goal"
  elif [ "$(cat "$1/stamp.mic-failed" 2>/dev/null)" = "$key" ] || ! build_pyaudio "$1"; then
    echo "$key" >"$1/stamp.mic-failed"
    say "the microphone is off, PyAudio did not build (why: $1/pyaudio.log); to try again: rm $1/stamp.mic-failed && make $goal"
  else
    echo "$key" >"$1/stamp.mic"
  fi
}

build_pyaudio() { # VENV
  "$1/bin/python" -c 'import pyaudio' 2>/dev/null && return
  say "building PyAudio, for the microphone"
  pip_install "$1" -e '.[mic]' && return
  mv "$1/pip.log" "$1/pyaudio.log"
  return 1
}

# --- a second Python, the Jetson's ---------------------------------------------------------------------------------

find_python38() { # one that runs: a pyenv shim may stand there and fail
  local candidate
  for candidate in python3.8 "${PYENV_ROOT:-${HOME:-}/.pyenv}"/versions/3.8*/bin/python; do
    python_has "$candidate" "import sys; $HAS_VENV; sys.exit(sys.version_info[:2] != (3, 8))" && echo "$candidate" && return
  done
  return 1
}

second_python() {
  local python38
  if python_has "$python" 'import sys; sys.exit(sys.version_info[:2] != (3, 8))'; then
    rm -rf .venv-3.8 # the main run is the 3.8 run
  elif python38=$(find_python38); then
    fill_venv "$python38" .venv-3.8 dashboard,dev
    python=$python38 microphone .venv-3.8
  else
    rm -rf .venv-3.8
    say "no Python 3.8 with venv on this machine: the run of the runtime tests under 3.8 is not done"
  fi
}

# -------------------------------------------------------------------------------------------------------------------

case $goal in
  run) extras=dashboard ;;
  test) extras=dashboard,dev ;;
  *) die "want: setup.sh run, or setup.sh test" ;;
esac
if has "$python" || [ "$python" != python3 ]; then check_python; fi
system_packages
case $python in /*) ;; *) check_python ;; esac
if [ "$goal" = test ] && python_has "$python" 'import sys; sys.exit(sys.version_info < (3, 10))'; then extras=dashboard,dev,lab; fi
fill_venv "$python" .venv "$extras"
microphone .venv
[ "$goal" = run ] || second_python

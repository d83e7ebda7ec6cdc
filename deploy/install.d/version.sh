# shellcheck shell=bash disable=SC2034,SC2154  # the names that all parts share are install.sh's
# Part of install.sh: a version in a folder of its own, with all that it needs.

apt_needs() { # what is missing for the interpreter, and for the packages that are built here: PyAudio and systemd-python
  local version missing=()
  has "$python" || missing+=(python3 python3-venv)
  version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null || echo 3)
  "$python" -c 'import venv, ensurepip' 2>/dev/null || missing+=("python$version-venv")
  ldconfig -p | grep -q 'libportaudio\.so\.2' || missing+=(libportaudio2)
  if [ -z "$wheels" ]; then
    has gcc || missing+=(gcc libc6-dev)
    has pkg-config || missing+=(pkg-config)
    [ -e /usr/include/portaudio.h ] || missing+=(portaudio19-dev)
    [ -e /usr/include/systemd/sd-daemon.h ] || missing+=(libsystemd-dev)
    "$python" -c 'import os, sys, sysconfig; sys.exit(not os.path.exists(sysconfig.get_path("include") + "/Python.h"))' 2>/dev/null ||
      missing+=("python$version-dev")
  fi
  [ ${#missing[@]} -gt 0 ] || return 0
  has apt-get || die "missing on this machine: ${missing[*]}"
  say "installing system packages: ${missing[*]}"
  local get=(env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends -o DPkg::Lock::Timeout=120)
  "${get[@]}" install "${missing[@]}" >"$work/apt.log" 2>&1 </dev/null ||
    { "${get[@]}" update && "${get[@]}" install "${missing[@]}"; } >"$work/apt.log" 2>&1 </dev/null ||
    die "apt-get: $(grep '^E:' "$work/apt.log" | tail -n 1)"
}

find_source() { # sets $source, $version and $key: what is to be installed, and whether it is what is there
  local folders=("$here" "$here/..")
  [ -z "$wheels" ] || folders=("$wheels")
  source=$(find "${folders[@]}" -maxdepth 1 \( -name 'affectd-*.whl' -o -name 'affectd-*.tar.gz' \) | sort -V | tail -n 1)
  if [ -n "$source" ]; then
    source=$(readlink -f "$source")
    version=$(basename "$source" | sed -E 's/^affectd-([^-]+)(-.*\.whl|\.tar\.gz)$/\1/')
  else
    source=$(cd "$here/.." && pwd)
    [ -f "$source/pyproject.toml" ] || die "no affectd-*.whl, affectd-*.tar.gz or pyproject.toml in ${folders[*]}"
    version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$source/pyproject.toml" | head -n 1)
  fi
  key=$({
    if [ -d "$source" ]; then sums "$source" ours; else sha256sum <"$source"; fi
    sums "$here" deployed
    "$python" -c 'import sys; print(sys.version, sys.base_prefix)'
    [ -z "$gpu" ] || sha256sum <"$gpu"
  } | sha256sum | cut -d ' ' -f 1)
}

sums() ( # FOLDER LIST: of the files that the function LIST names there
  cd "$1" && "$2" | sort | tr '\n' '\0' | xargs -0 sha256sum
)
ours() { find pyproject.toml daemon dsp models -type f ! -path '*/__pycache__/*' ! -path 'models/lab/results/*' ! -path '*/pictures/*'; }
deployed() { find affectd.toml install.sh install.d systemd -type f && find . -path './jetson/*.txt'; }

constraints() { # tested releases for this machine, where there are such
  local file
  case $(uname -m)-$1 in
    aarch64-3.8) file=$here/jetson/jetpack5.txt ;;
    aarch64-3.1[0-9]) file=$here/jetson/jetpack6.txt ;;
    *) return 0 ;;
  esac
  [ ! -f "$file" ] || echo "--constraint=$file"
}

pip() { # ARGS: silent unless it fails
  local from=()
  [ -z "$wheels" ] || from=(--no-index --find-links "$wheels")
  "$home/bin/python" -m pip install -q --disable-pip-version-check --no-input "${from[@]}" "$@" >"$work/pip.log" 2>&1 ||
    die "pip: $(grep -i error "$work/pip.log" | head -n 1); nothing was changed"
}

build() { # into $home, which is marked whole once it is
  local what=$source tested
  say "installing affectd $version into $home; the first time takes minutes"
  rm -rf "$home"
  "$python" -m venv "$home" >"$work/venv.log" 2>&1 || die "no virtual environment: $(tail -n 1 "$work/venv.log")"
  # what is older does not know the wheels of newer Linux systems
  "$home/bin/python" -c 'import pip, sys; sys.exit(tuple(map(int, pip.__version__.split(".")[:2])) < (21, 3))' || pip --upgrade pip
  if [ -d "$source" ]; then
    what=$work/source # a build leaves files where it is done
    mkdir "$what"
    (cd "$source" && { ours; ls README.md LICENSE; } | tr '\n' '\0' | xargs -0 cp --parents -t "$what")
  fi
  tested=$(constraints "$("$home/bin/python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')")
  pip ${tested:+"$tested"} "${what}[mic,systemd,dashboard,metrics]"
  if [ -n "$gpu" ]; then
    "$home/bin/python" -m pip uninstall -q -y onnxruntime >"$work/pip.log" 2>&1 || true
    pip --no-deps "$gpu"
  fi
  join_jtop
  install -d "$home/share/doc/affectd"
  cp -r "$here/systemd" "$here/affectd.toml" "$here/install.sh" "$here/install.d" "$home/share/"
  cp "$here"/../{README.md,CHANGELOG.md,LICENSE} "$home/share/doc/affectd/" 2>/dev/null || true # a wheel may come without
  [ ! -f "$here/README.md" ] || install -D -m 644 "$here/README.md" "$home/share/doc/affectd/deploy/README.md"
  echo "$key" >"$home/share/key"
  changed=yes
}

join_jtop() { # where jtop runs: its client of the same version, for the power logger, which runs in this environment
  local there
  there=$(/usr/bin/python3 -c 'from importlib import metadata; print(metadata.version("jetson-stats"))' 2>/dev/null) || return 0
  (pip "jetson-stats==$there") 2>/dev/null || say "no watts are logged, jetson-stats $there did not install; try: $home/bin/python -m pip install jetson-stats==$there"
}

choose_home() { # sets $home: the version's own folder; another one where the same version is there with other content
  home=$opt/$version
  if [ -d "$home" ] && [ "$(cat "$home/share/key" 2>/dev/null)" != "$key" ]; then
    case $home in "$(at current)" | "$(at previous)") home=$opt/$version-${key:0:8} ;; esac
  fi
}

#!/usr/bin/env bash
# Certificates of a fleet, all in one folder: its own authority, its brokers, a collector, and one for each cabin.
#
#   certificates.sh DIR authority                     once; DIR/authority.key signs for the fleet: keep it off every broker
#   certificates.sh DIR broker NAME ADDRESS...        a broker's: names and addresses by which it is reached, NAME.pem, NAME.key
#   certificates.sh DIR client NAME                   a collector's, or that of anybody who is no cabin
#   certificates.sh DIR cabin NAME...                 cabins', by their [node] name; and NAME.json, its user for RabbitMQ
#
# What is there is not made again; DAYS says for how long a certificate is good (default 730; the authority's is ten years).
set -euo pipefail
umask 077
die() { echo "certificates.sh: error: $*" >&2; exit 2; }
[ $# -ge 2 ] || die "want: certificates.sh DIR authority | broker NAME ADDRESS... | client NAME | cabin NAME..."
folder=$1 what=$2
shift 2
mkdir -p "$folder"
cd "$folder"

check_name() { [[ $1 =~ ^[A-Za-z0-9_-]{1,64}$ ]] || die "$1: want 1 to 64 letters, digits, - or _"; }

sign() { # NAME EXTENSIONS
  check_name "$1"
  [ -e authority.key ] || die "there is no authority in $folder yet: certificates.sh $folder authority"
  if [ -e "$1.pem" ]; then return 0; fi
  local work
  work=$(mktemp -d ./.signing.XXXXXX)
  printf '%b' "$2" >"$work/extensions"
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" -keyout "$work/key" -out "$work/request" 2>"$work/log" ||
    die "openssl: $(tail -n 1 "$work/log")"
  openssl x509 -req -in "$work/request" -CA authority.pem -CAkey authority.key -set_serial "0x$(openssl rand -hex 16)" -sha256 \
    -days "${DAYS:-730}" -extfile "$work/extensions" -out "$work/pem" 2>"$work/log" || die "openssl: $(tail -n 1 "$work/log")"
  mv "$work/key" "$1.key"
  mv "$work/pem" "$1.pem"
  rm -r "$work"
}

client() { sign "$1" 'basicConstraints=critical,CA:FALSE\nkeyUsage=digitalSignature\nextendedKeyUsage=clientAuth\n'; }

rabbitmq_user() { # NAME: it has no password, and may do with topics what its name lets it, and no more
  cat <<END
{"users": [{"name": "$1", "password_hash": "", "tags": ["cabin"]}],
 "permissions": [{"user": "$1", "vhost": "/",
   "configure": "^mqtt-subscription-affectd-$1qos[01]\$",
   "write": "^(amq\\\\.topic|mqtt-subscription-affectd-$1qos[01])\$",
   "read": "^(amq\\\\.topic|mqtt-subscription-affectd-$1qos[01])\$"}],
 "topic_permissions": [{"user": "$1", "vhost": "/", "exchange": "amq.topic",
   "write": "^affectd\\\\.$1\\\\.", "read": "^affectd\\\\.$1\\\\."}]}
END
}

case $what in
  authority)
    [ -e authority.pem ] ||
      openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -sha256 -days 3650 -subj "/CN=affectd fleet" \
        -addext 'keyUsage=critical,keyCertSign,cRLSign' -keyout authority.key -out authority.pem 2>/dev/null
    ;;
  broker)
    [ $# -ge 2 ] || die "want: broker NAME ADDRESS..."
    name=$1 others=
    for address in "${@:2}"; do
      if [[ $address =~ ^[0-9.]+$|: ]]; then others+=",IP:$address"; else others+=",DNS:$address"; fi
    done
    sign "$name" "basicConstraints=critical,CA:FALSE\nkeyUsage=digitalSignature\nextendedKeyUsage=serverAuth,clientAuth\nsubjectAltName=${others#,}\n"
    ;;
  client)
    [ $# -eq 1 ] || die "want: client NAME"
    client "$1"
    ;;
  cabin)
    [ $# -ge 1 ] || die "want: cabin NAME..."
    for name in "$@"; do
      client "$name"
      rabbitmq_user "$name" >"$name.json"
    done
    ;;
  *) die "$what: want authority, broker, client or cabin" ;;
esac

#!/usr/bin/env bash
# Brings up docker-compose.yml with the demo portal and holds it to what it promises: payments on the agent's stdout
# and on its HTTP stream, a killed WebDriver recovered from, a clean stop, nothing left.
#
# Where no Docker engine answers it starts one of its own in a temporary directory and makes the Dockerfile's base
# images itself: debootstrap from the mirror that apt uses here, and this machine's Rust toolchain. So it needs no
# image registry. Exit code 77: there is no engine and none can be started; the last line says why.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

work=$(mktemp -d)
engine=
export COMPOSE_PROJECT_NAME="tillwatch-test-$$" TILLWATCH_SECRETS="$work/secrets" TILLWATCH_PORT=0

say() { printf '==> %s (%ds)\n' "$*" "$SECONDS"; }
fail() { echo "tests/compose.sh: $*" >&2; exit 1; }
skip() { echo "tests/compose.sh: $*" >&2; exit 77; }
compose() { docker-compose --profile demo --ansi never "$@"; }
container() { compose ps -q "$1"; }

# Waits until the command holds; gives up after so many seconds.
until_true() {
  local what=$1 deadline=$((SECONDS + $2))
  shift 2
  until "$@"; do
    [ "$SECONDS" -lt "$deadline" ] || fail "gave up waiting: $what"
    sleep 0.5
  done
}

# --- engine ------------------------------------------------------------------------------------------------------

engine_answers() { timeout 10 docker info >/dev/null 2>&1; }
engine_up_or_dead() { engine_answers || ! kill -0 "$engine" 2>/dev/null; }

start_engine() {
  export DOCKER_HOST="unix://$work/docker.sock"
  iptables-save >"$work/iptables" 2>/dev/null
  cat /proc/sys/net/ipv4/ip_forward >"$work/ip_forward"
  ip link show docker0 >/dev/null 2>&1 && touch "$work/had-docker0"
  dockerd --data-root "$work/data" --exec-root "$work/exec" --pidfile "$work/dockerd.pid" --host "$DOCKER_HOST" \
    >"$work/dockerd.log" 2>&1 &
  engine=$!
  until_true "dockerd answers" 60 engine_up_or_dead
  engine_answers || skip "dockerd does not start here: $(grep -v level=info "$work/dockerd.log" | tail -n 1)"
}

stop_engine() {
  kill "$engine" 2>/dev/null || true
  wait "$engine" 2>/dev/null || true
  [ -e "$work/had-docker0" ] || ip link delete docker0 2>/dev/null || true
  iptables-restore <"$work/iptables"
  cat "$work/ip_forward" >/proc/sys/net/ipv4/ip_forward
}

clean_up() {
  local status=$?
  trap - EXIT
  if [ "$status" -ne 0 ] && [ "$status" -ne 77 ] && engine_answers; then
    compose ps || true
    compose logs --tail 40 || true
  fi >&2
  if engine_answers; then compose down --volumes --rmi local --timeout 20 >/dev/null 2>&1 || true; fi
  if [ -n "$engine" ]; then stop_engine; fi
  rm -rf "$work"
  exit "$status"
}
trap clean_up EXIT
trap 'exit 143' TERM
trap 'exit 130' INT

# --- base images -------------------------------------------------------------------------------------------------

# The default of an ARG of the Dockerfile.
base_image() { sed -n "s/^ARG $1=//p" Dockerfile; }

make_base_images() {
  local debian rust root="$work/root" suite mirror
  debian=$(base_image DEBIAN_IMAGE)
  rust=$(base_image RUST_IMAGE)
  suite=${debian#*:}
  suite=${suite%-slim}

  apt-get -q update >/dev/null
  apt-get indextargets --format 'deb $(REPO_URI) $(CODENAME) $(COMPONENT)' 'Identifier: Packages' 'Origin: Debian' \
    | grep -E " $suite(-updates|-security)? " | sort -u >"$work/sources.list" || true
  mirror=$(awk -v suite="$suite" '$3 == suite { print $2; exit }' "$work/sources.list")
  debootstrap --variant=minbase "$suite" "$root" ${mirror:+"$mirror"} >"$work/debootstrap.log" 2>&1 \
    || fail "debootstrap: $(tail -n 3 "$work/debootstrap.log")"
  # As in Debian's own image: without it every package installed in a container waits for the disk.
  echo force-unsafe-io >"$root/etc/dpkg/dpkg.cfg.d/docker-apt-speedup"
  if [ -s "$work/sources.list" ]; then cp "$work/sources.list" "$root/etc/apt/sources.list"; fi
  tar -C "$root" -c . | docker import --change 'CMD ["bash"]' - "$debian" >/dev/null

  cp --remove-destination -L /etc/resolv.conf "$root/etc/resolv.conf"
  {
    chroot "$root" apt-get -q update
    DEBIAN_FRONTEND=noninteractive chroot "$root" \
      apt-get -q install -y --no-install-recommends gcc libc6-dev ca-certificates
  } >"$work/chroot.log" 2>&1 || fail "the builder's packages: $(tail -n 3 "$work/chroot.log")"
  # The certificates that this machine trusts: its crates may come by a mirror of its own.
  cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
  mkdir -p "$root/usr/local/rust" "$root/usr/local/cargo"
  tar -C "$(rustc --print sysroot)" --exclude=./share -c . | tar -C "$root/usr/local/rust" -x
  tar -C "$root" -c . | docker import --change 'CMD ["bash"]' \
    --change 'ENV PATH=/usr/local/rust/bin:/usr/sbin:/usr/bin:/sbin:/bin CARGO_HOME=/usr/local/cargo' - "$rust" >/dev/null
  rm -rf "$root"
}

# --- what is read ------------------------------------------------------------------------------------------------

healthy() { [ "$(docker inspect -f '{{.State.Health.Status}}' "$(container "$1")")" = healthy ]; }
stdout_events() { docker logs "$(container tillwatch)" 2>/dev/null; }
# The ids of the payments among event lines on stdin, SSE's `data:` lines too.
payment_ids() { grep -F '"type":"payment.received"' | grep -oE '"id":"pay_[a-z0-9]+"' || true; }
payments() { stdout_events | payment_ids | wc -l; }
payments_at_least() { [ "$(payments)" -ge "$1" ]; }
restarted_since() { [ "$(docker inspect -f '{{.State.StartedAt}}' "$(container "$1")")" != "$2" ] && healthy "$1"; }
stream_status() { curl -s -o /dev/null -m 5 -w '%{http_code}' "$@" "http://$address/v1/events" || true; }
receipts() { stdout_events | grep -F '"type":"payment.received"' | grep -oE '"subject":"[A-Z0-9]+"' | cut -d'"' -f4; }
# What the portal itself knows, asked from inside its container.
portal_knows() {
  docker exec "$(container kilima)" timeout 10 bash -c \
    'exec 3<>/dev/tcp/127.0.0.1/8080; printf "GET /_control/truth HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n" >&3; cat <&3'
}
# Its rows, one a line.
truth() { portal_knows | sed 's/,"attempts":.*//; s/{"receipt":/\n&/g' | grep -F '{"receipt":'; }
logins() { portal_knows | sed -n 's/.*"attempts":\[\([^]]*\)\].*/\1/p' | grep -o '"outcome"' | wc -l; }
# Of the receipts in $1 and the rows in $2: paid to us between the oldest and the newest printed one and not printed
# ("missing"), printed and never paid ("extra").
compare() {
  awk '
    function field(name) { return match($0, "\"" name "\":\"[^\"]*\"") ? substr($0, RSTART + length(name) + 4, RLENGTH - length(name) - 5) : "" }
    NR == FNR { printed[$1] = 1; next }
    /"kind":"payment"/ && /"settled":true/ {
      receipt = field("receipt"); paid[receipt] = 1; completed[receipt] = field("completed_at"); since[receipt] = field("status_at")
      if (receipt in printed) {
        if (oldest == "" || completed[receipt] < oldest) oldest = completed[receipt]
        if (since[receipt] > newest) newest = since[receipt]
      }
    }
    END {
      for (receipt in paid) if (!(receipt in printed) && completed[receipt] >= oldest && since[receipt] <= newest) print "missing", receipt
      for (receipt in printed) if (!(receipt in paid)) print "extra", receipt
    }' "$1" "$2"
}
streamed() { payment_ids <"$work/stream" | sort -u >"$work/streamed"; [ -z "$(comm -23 "$1" "$work/streamed")" ]; }

# --- the test ----------------------------------------------------------------------------------------------------

[ "$(id -u)" -eq 0 ] || skip "needs root, to give the secrets to the agent's user id"
for tool in docker docker-compose curl; do
  command -v "$tool" >/dev/null || skip "$tool is missing (Debian: docker.io docker-compose curl)"
done
if ! engine_answers; then
  for tool in dockerd debootstrap iptables-save ip; do
    command -v "$tool" >/dev/null || skip "no Docker engine answers, and $tool, to start one, is missing"
  done
  say "starting an engine"
  start_engine
  say "making the base images"
  make_base_images
fi

token=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
# Mounted as a directory: the agent's user id must get into it.
install -d -m 0755 "$work/secrets"
install -m 0400 -o 10001 <(printf '%s' kilima-demo-1) "$work/secrets/kilima"
install -m 0400 -o 10001 <(printf '%s' "$token") "$work/secrets/stream_token"
say "building the images"
compose build --build-arg PROFILE=dev >"$work/build.log" 2>&1 || { tail -n 40 "$work/build.log" >&2; fail "the images do not build"; }

say "bringing the stack up"
compose up -d >"$work/up.log" 2>&1 || { cat "$work/up.log" >&2; fail "the stack does not come up"; }
for service in webdriver kilima tillwatch; do until_true "$service is healthy" 60 healthy "$service"; done

say "asking the agent how its account stands"
standing=$(docker exec "$(container tillwatch)" tillwatch status) || fail "tillwatch status does not answer in the agent's container"
grep -q '^kilima ' <<<"$standing" || fail "tillwatch status does not name kilima: $standing"

say "reading payments from stdout"
until_true "three payments on stdout" 120 payments_at_least 3

say "reading payments from the stream"
address=$(compose port tillwatch 9464)
[ "$(stream_status)" = 401 ] || fail "the stream answers without a token"
[ "$(stream_status -H 'Authorization: Bearer wrong')" = 401 ] || fail "the stream answers a wrong token"
stdout_events | payment_ids | sort -u >"$work/printed"
: >"$work/stream"
curl -sN -H "Authorization: Bearer $token" -H 'Last-Event-ID: start' "http://$address/v1/events" >"$work/stream" &
reader=$!
until_true "every printed payment on the stream" 30 streamed "$work/printed"

say "looking at what the containers may do"
[ "$(docker exec "$(container tillwatch)" id -u)" = 10001 ] || fail "the agent runs as another user"
[ "$(docker exec "$(container webdriver)" id -u)" = 10002 ] || fail "the WebDriver runs as another user"
for service in tillwatch webdriver; do
  ! docker exec "$(container "$service")" touch /written 2>/dev/null || fail "$service can write its root"
done
answer=$(docker exec "$(container kilima)" timeout 5 bash -c \
  'exec 3<>/dev/tcp/webdriver/9515; printf "GET /status HTTP/1.1\r\nHost: localhost:9515\r\n\r\n" >&3; read -r line <&3; echo "$line"' || true)
case $answer in *" 200 "*) fail "ChromeDriver answers others than the agent" ;; esac

say "killing the WebDriver's container"
before=$(payments)
started=$(docker inspect -f '{{.State.StartedAt}}' "$(container webdriver)")
# From outside, as a crash: after \`docker kill\` the restart policy would not apply.
kill -KILL "$(docker inspect -f '{{.State.Pid}}' "$(container webdriver)")"
until_true "the WebDriver is back" 60 restarted_since webdriver "$started"
until_true "five more payments after it" 180 payments_at_least $((before + 5))

say "comparing with the portal"
receipts >"$work/receipts"
truth >"$work/truth"
[ -s "$work/truth" ] || fail "the portal does not tell what it knows"
[ -z "$(compare "$work/receipts" "$work/truth")" ] || fail "stdout and portal differ: $(compare "$work/receipts" "$work/truth")"

say "stopping"
compose stop tillwatch >/dev/null 2>&1
code=$(docker inspect -f '{{.State.ExitCode}}' "$(container tillwatch)")
[ "$code" = 0 ] || fail "the agent ended with $code on SIGTERM"
wait "$reader" || true
stdout_events | payment_ids >"$work/printed"
[ -z "$(sort "$work/printed" | uniq -d)" ] || fail "a payment was printed twice"
! stdout_events | grep -qF '"type":"account.gap"' || fail "a gap was announced"
sort -u "$work/printed" -o "$work/printed"
streamed "$work/printed" || fail "a payment is on stdout and not on the stream"
count=$(wc -l <"$work/printed")

say "putting a new container in the agent's place"
before=$(logins)
[ "$before" -ge 1 ] || fail "the portal does not tell who signed in"
compose up -d --force-recreate --no-deps tillwatch >"$work/up.log" 2>&1 || { cat "$work/up.log" >&2; fail "no new container comes up"; }
until_true "tillwatch is healthy" 60 healthy tillwatch
until_true "a payment from the new container" 120 payments_at_least 1
after=$(logins)
[ "$after" = "$before" ] || fail "the new container signed in: $before logins before it, $after after"

say "taking it down"
compose down --volumes --rmi local --timeout 20 >/dev/null 2>&1
label="label=com.docker.compose.project=$COMPOSE_PROJECT_NAME"
left=$(docker ps -aq --filter "$label"; docker volume ls -q --filter "$label"; docker network ls -q --filter "$label")
[ -z "$left" ] || fail "left behind: $left"
say "compose: $count payments on stdout and on the stream, each once"

#!/usr/bin/env bash
# Takes the pictures of the README from a running demo. Needs make demo's environment, Chromium, curl and script.
set -euo pipefail
cd "$(dirname "$0")/.."
port=${1:-8901}
out=docs/images
here=http://127.0.0.1:$port
profile=$(mktemp -d)
script -qfc ".venv/bin/digestbot demo --port $port" /dev/null >/dev/null 2>&1 </dev/null &
demo=$!
trap 'pkill -INT -P $demo; wait $demo || true; rm -rf "$profile"' EXIT

picture() { # FILE WIDTH,HEIGHT ADDRESS
  chromium --headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking --hide-scrollbars \
    --user-data-dir="$profile" --virtual-time-budget=4000 --window-size="$2" --screenshot="$1" "$3" >/dev/null 2>&1
}
newest() { curl -s "$here/" | grep -o "/mail/[0-9]*" | head -n 1; }
link() { curl -sf "$here$(newest)/html" | grep -o "$1" | head -n 1; }

until [ -n "$(newest)" ]; do sleep 0.2; done
picture "$out/digest.png" 760,1290 "$here$(newest)/html"
like=$(link 'http[^"]*?like=6')
picture "$out/feedback.png" 760,800 "$like"
curl -sf -o /dev/null --data p6=like "${like%%\?*}"
curl -sf -o /dev/null -X POST "$here/next"
picture "$out/demo.png" 1280,860 "$here$(newest)"

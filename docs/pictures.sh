#!/usr/bin/env bash
# Takes the pictures of the README: from a running demo, and of mails on a phone, in the dark and in a terminal.
# docs/pictures.sh [PORT [FOLDER]]: the demo's port, and where the pictures go if not to docs/images.
# Needs make demo's environment, the packages that .ci/run installs, Chromium, node, curl and script.
set -euo pipefail
cd "$(dirname "$0")/.."
port=${1:-8901}
out=${2:-docs/images}
here=http://127.0.0.1:$port
there=$(mktemp -d)
CHROMIUM=$(command -v chromium)
export CHROMIUM
script -qfc ".venv/bin/digestbot demo --port $port" "$there/demo" >/dev/null 2>&1 </dev/null &
demo=$!
trap 'pkill -INT -P $demo; wait $demo || true; rm -rf "$there"' EXIT

picture() { node docs/pictures.mjs "$out/$1.png" "$2" "$3" "$4"; } # NAME WIDTH,HEIGHT light|dark ADDRESS
newest() { curl -s "$here/" | grep -o "/mail/[0-9]*" | head -n 1; }
link() { curl -sf "$here$(newest)/html" | grep -o "$1" | head -n 1; }
digestbot() { .venv/bin/digestbot --settings "$there/settings.toml" "$@"; }

until [ -n "$(newest)" ]; do
  # A port that is taken, for one: nobody would come, and the pictures would be of somebody else's demo.
  kill -0 $demo 2>/dev/null || { cat "$there/demo" >&2; exit 1; }
  sleep 0.2
done
picture digest 760,1290 light "$here$(newest)/html"
like=$(link 'http[^"]*?like=6')
picture feedback 760,800 light "$like"
curl -sf -o /dev/null --data p6=like "${like%%\?*}"
curl -sf -o /dev/null -X POST "$here/next"
picture demo 1280,860 light "$here$(newest)"

# The demo has no weekly reader and nobody who follows an author: an installation of its own, with the demo's papers.
(cd "$there" && "$OLDPWD/.venv/bin/digestbot" init >/dev/null 2>&1)
sed -i 's|^base_url = .*|base_url = "https://papers.example.org"|' "$there/settings.toml"
liked=(--like arxiv:2505.17206 --like arxiv:2505.17281 --like arxiv:2505.17391)
digestbot load --file digestbot/demo/papers.jsonl >/dev/null 2>&1
digestbot subscriber add daily@readers.example --confirmed "${liked[@]}" --follow "author:Timothy Baldwin" >/dev/null
digestbot subscriber add weekly@readers.example --confirmed "${liked[@]}" --days weekly >/dev/null
daily="$there/daily.html"
digestbot preview daily@readers.example --at 2025-05-29T08:00Z --format html >"$daily"
picture digest-dark 760,1290 dark "file://$daily"
picture digest-phone 390,1300 light "file://$daily"
picture digest-phone-dark 390,1300 dark "file://$daily"
digestbot preview weekly@readers.example --at 2025-05-30T08:00Z --format html >"$there/weekly.html"
picture weekly 760,1290 light "file://$there/weekly.html"
{
  echo '<!DOCTYPE html><meta charset="utf-8"><body style="margin:0;padding:18px 22px;background:#16181c">'
  echo '<pre style="margin:0;color:#d8dce2;font:14px/19px DejaVu Sans Mono,monospace;white-space:pre-wrap;word-break:break-all">'
  digestbot preview daily@readers.example --at 2025-05-29T08:00Z | tail -n +3 | sed 's/&/\&amp;/g; s/</\&lt;/g'
} >"$there/text.html"
picture text 720,1000 light "file://$there/text.html"

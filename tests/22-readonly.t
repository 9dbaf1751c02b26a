#!/bin/sh
# -r: everything but writing.
# shellcheck source=SCRIPTDIR/tap.sh
. "$(dirname "$0")/tap.sh"

network 1500
truncate -s 1M "$T/disk"
start_blade 9 0 "$TIF" "$T/disk"
ini stamp e9.0 0 2048 5
stop_blade
cp "$T/disk" "$T/before"
chmod 444 "$T/disk"

start_blade -r 9 0 "$TIF" "$T/disk"
like 'the start line says so' "$(cat "$BLADE_OUT")" \
    '2048 sectors O_RDONLY'
ok 'reading works' ini verify e9.0 0 2048 5
for op in 30 34 ca 35 3d; do
	head -c 512 /dev/urandom >"$T/sector"
	exits "write $op is refused" 4 \
	    ini ata e9.0 $op count=1 data="$T/sector" lba=0
	like "write $op: as an ATA error, aborted" "$OUT" \
	    '^status=[46]1 error=04 '
done
exits 'TRIM is refused' 4 ini trim e9.0 0 8
ok 'FLUSH CACHE EXT is not' ini flush e9.0
ok 'FLUSH CACHE is not' ini -2 flush e9.0
exits 'identify' 0 ini identify e9.0
unlike 'no write cache is claimed' "$(value_of features)" 'write-cache'
exits 'a load of reads alone' 0 ini load -r 100 -T 1 e9.0
stop_blade
same 'the file is as it was' "$T/before" "$T/disk"

done_testing

#!/bin/sh
# A store that fails: the initiator gets the ATA error for it and the operator
# a line; other requests go on, and nothing that failed is reported done.
# shellcheck source=SCRIPTDIR/tap.sh
. "$(dirname "$0")/tap.sh"
# shellcheck source=SCRIPTDIR/faultfs.sh
. "$(dirname "$0")/faultfs.sh"

network 1500
faulty 4096
EIO=5 ENOSPC=28

# said PATTERN: lines of the blade's that match
said() {
	grep -c -e "$1" "$BLADE_ERR" || :
}

# registers NAME WANT OPCODE...: status, error register and address
registers() {
	tap_want=$2 tap_what=$1
	shift 2
	try ini ata e9.0 "$@"
	like "$tap_what" "$OUT" "$tap_want"
}

start_blade 9 0 "$TIF" "$DISK"
ok 'a store that works' ini stamp e9.0 0 64 1

# Reading.
tell read $EIO 0 101 102
registers 'a bad sector: UNC, and its address' \
    'status=41 error=40 .*lba=101( |$)' 0x24 count=2 lba=100 flags=0x40
registers 'READ VERIFY finds it too' \
    'status=41 error=40 .*count=c9 .*lba=101( |$)' \
    0x42 count=250 lba=52 flags=0x40
ok 'the sectors before it are there' ini read e9.0 99 2
ok 'and those behind it' ini read e9.0 102 2
like 'the operator is told' "$(cat "$BLADE_ERR")" \
    'read at sector 101, 2 sectors: Input/output error'
n=0
begin=$(date +%s)
while [ $n -lt 40 ]; do
	ini read e9.0 101 1 >/dev/null 2>&1 || :
	n=$((n + 1))
done
lines=$(said ': read at sector')
most=$(((3 + $(date +%s) - begin) * 4))		# so many a second
if [ "$lines" -ge 1 ] && [ "$lines" -le $most ]; then
	pass 'but not of each of forty'
else
	fail 'but not of each of forty' "$lines lines, more than $most"
fi
tell heal
ok 'healed, it is read' ini verify e9.0 0 64 1
ok 'healed, the bad one too' ini read e9.0 101 1

# Writing.
tell write $EIO 0 10 11
head -c 512 /dev/zero >"$T/sector"
registers 'a write that fails: a device fault' 'status=61 error=04' \
    0x34 count=1 lba=10 flags=0x41 data="$T/sector"
ok 'nothing of it was done' ini verify e9.0 0 64 1
sleep 1.1	# so that the limit of complaints has room again
tell write $ENOSPC 0
registers 'no space: a device fault' 'status=61 error=04' \
    0x34 count=1 lba=10 flags=0x41 data="$T/sector"
like 'the operator is told why' "$(cat "$BLADE_ERR")" \
    'write at sector 10, 1 sectors: No space left on device'
ok 'while reads go on' ini verify e9.0 0 64 1
tell heal
ok 'healed, it is written' ini stamp e9.0 10 1 2
ok 'and read' ini verify e9.0 10 1 2

# ask_all NAME: what does not need the sectors that hang; took, in ms
ask_all() {
	begin=$(date +%s%N)
	ok "$1 the config string is told" ini config read e9.0
	ok "$1 it says who it is" ini identify e9.0
	ok "$1 others are read" ini verify e9.0 11 50 1
	ok "$1 others are written" ini stamp e9.0 300 20 3
	took=$((($(date +%s%N) - begin) / 1000000))
}

# Hanging: only who asks for those sectors waits.
# shellcheck disable=SC2317,SC2329	# called through wait_for
is_busy() {
	[ "$(counter busy)" -gt 0 ]
}

pause=2
[ -z "${LONG:-}" ] || pause=30
if [ "${VBLADE_IO:-}" = sync ]; then
	skip 'a read that hangs holds nobody up' \
	    'one operation after another: it does'
else
	ask_all 'before:'
	alone=$took
	tell hang 200 201
	ini_bg "$T/hung" -n 9 -t 5000 read e9.0 200 1
	wait_for 10 grep -q 'waiting=[1-9]' "$T/mnt/ctl" || :
	isnt 'a read hangs' "$(told waiting)" 0
	hung=$INI_PID
	ini_bg "$T/verify" -n 9 -t 5000 ata e9.0 0x42 count=8 lba=196 flags=0x40
	verify=$INI_PID
	ask_all 'meanwhile'
	if [ $took -lt $((2 * alone + 1000)) ]; then
		pass 'none of these had to wait'
	else
		fail 'none of these had to wait' "$took ms, and $alone before"
	fi
	# Initiators ask again for what they do not get, more often than there
	# are buffers.  (Until the store is found to hang, nothing is answered
	# with all buffers in use: those who come last ask for longer.)
	floods=''
	for i in 1 2 3 4 5; do
		ini_bg "$T/flood$i" -S "02:ae:00:00:01:0$i" -n 20 -t 1000 \
		    load -O -G 60000 -T 3 -w 64 -r 100 -m 1 -R 200,1 e9.0
		floods="$floods $INI_PID"
	done
	ok 'what there are no buffers for is counted' wait_for 20 is_busy
	ok 'with all buffers in use, too' ini -n 3 -t 2000 config read e9.0
	ok 'and it says who it is' ini -n 3 -t 2000 identify e9.0
	sleep $pause
	not_ok 'the read still waits' gone "$hung"
	tell go
	sum=0
	for i in $floods; do
		reap "$i"
		sum=$((sum + STATUS))
	done
	is 'the store comes back, all are answered' "$sum" 0
	[ $sum -eq 0 ] || diag "$(cat "$T"/flood*)"
	reap "$hung"
	is 'and is answered when the store comes back' "$STATUS" 0
	reap "$verify"
	is 'and so is a READ VERIFY' "$STATUS" 0
fi

# A disk takes its time before it gives a sector up, and each time anew: which
# one of several it was is found out while others are served.
if [ "${VBLADE_IO:-}" = sync ]; then
	skip 'a bad sector that takes long holds nobody up' \
	    'one operation after another: it does'
else
	tell read $EIO 0 101 102
	tell slow 1000
	ini_bg "$T/bad" -n 9 -t 9000 ata e9.0 0x24 count=2 lba=100 flags=0x40
	sleep 1.5
	ok 'a bad sector that takes long holds nobody up' \
	    ini -n 1 -t 2000 config read e9.0
	reap "$INI_PID"
	like 'and is found' "$(cat "$T/bad")" \
	    'status=41 error=40 .*lba=101( |$)'
	tell slow 0
	tell heal
fi

# Who reads on from there hangs as well; who reads on elsewhere does not.
if [ "${VBLADE_IO:-}" = sync ]; then
	skip '-d: nor does a stream that hangs' \
	    'one operation after another: it does'
else
	stop_blade
	start_blade -d 9 0 "$TIF" "$DISK"
	tell write $EIO 1
	ok '-d: a write that fails once is made again' ini stamp e9.0 300 1 4
	tell read $EIO 1
	ok '-d: and so is a read' ini verify e9.0 300 1 4
	tell hang 200 300
	streams=''
	for i in 1 2 3; do
		ini_bg "$T/stream$i" -n 20 -t 5000 \
		    read e9.0 $((198 + 2 * i)) 2
		streams="$streams $INI_PID"
		wait_for 10 grep -q "waiting=$i" "$T/mnt/ctl" || :
	done
	is '-d: three reads in a row hang' "$(told waiting)" 3
	ok '-d: nor does a stream that hangs' ini -n 1 -t 5000 \
	    verify e9.0 11 50 1
	tell go
	for i in $streams; do
		reap "$i"
		is '-d: and each is answered when it comes back' "$STATUS" 0
	done
fi

# All of it hangs, which a read found out: a write does not hold up the rest.
if [ "${VBLADE_IO:-}" = sync ]; then
	skip 'nor does a write to a store that hangs' \
	    'one operation after another: it does'
else
	stop_blade		# this one has seen slow writes
	start_blade 9 0 "$TIF" "$DISK"
	tell hang 0 4096
	ini_bg "$T/hung" -n 20 -t 5000 read e9.0 200 1
	hung=$INI_PID
	wait_for 10 grep -q 'waiting=[1-9]' "$T/mnt/ctl" || :
	ini config read e9.0 >/dev/null || :
	sleep 0.3
	ini_bg "$T/write" -n 20 -t 5000 stamp e9.0 400 1 4
	write=$INI_PID
	wait_for 10 grep -q 'waiting=[2-9]' "$T/mnt/ctl" || :
	ok 'nor does a write to a store that hangs' ini config read e9.0
	# more of them in a turn than the first one gave the engine
	kill -STOP "$BLADE_PID"
	floods=''
	for i in 1 2 3; do
		ini_bg "$T/flood$i" -S "02:ae:00:00:01:0$i" -n 20 -t 5000 \
		    load -G 60000 -T 1 -w 40 -r 0 -m 1 -R ${i}000,900 e9.0
		floods="$floods $INI_PID"
	done
	sleep 0.5
	kill -CONT "$BLADE_PID"
	sleep 0.5
	ok 'nor do a hundred' ini -n 1 -t 5000 config read e9.0
	tell go
	sum=0
	for i in $floods; do
		reap "$i"
		sum=$((sum + STATUS))
	done
	is 'and all are done when it comes back' "$sum" 0
	reap "$hung"
	is 'the read is answered when it comes back' "$STATUS" 0
	reap "$write"
	is 'and the write' "$STATUS" 0
	ok 'which has been done' ini verify e9.0 400 1 4
fi

ask_ten() {	# took, in ms
	begin=$(date +%s%N)
	for i in 1 2 3 4 5 6 7 8 9 10; do
		ini -n 3 -t 3000 config read e9.0 >/dev/null || :
	done
	took=$((($(date +%s%N) - begin) / 1000000))
}

# A slow store: writes that wait for it do not hold up the rest.
slowly() {	# ten questions before, alone, and while it is slow, took
	ask_ten
	alone=$took
	rm -f "$T/journal"
	tell slow 100
	ini_bg "$T/slow" load -G 60000 -T 6 -w 8 -r 0 -m 1 -R 2000,500 \
	    -o "$T/journal" e9.0
	under_way "$T/journal"
	sleep 1
	ask_ten
	tell slow 0
	reap "$INI_PID"
}
if [ "${VBLADE_IO:-}" = sync ]; then
	skip 'nor do slow writes' 'one operation after another: they do'
else
	# Each would wait for eight writes otherwise.  Others want the
	# processors, too: three times.
	for _ in 1 2 3; do
		slowly
		[ "$STATUS" -eq 0 ] || break
		[ $took -ge $((2 * alone + 4000)) ] || break
		diag "ten questions took $took ms, and $alone before"
	done
	status=$STATUS
	ok 'nor do slow writes' test "$took" -lt $((2 * alone + 4000))
	is 'which are all done in the end' "$status" 0
fi
stop_blade
is 'the blade leaves in peace' "$BLADE_STATUS" 0

# A failed sync is never called clean again.
start_blade -s 9 0 "$TIF" "$DISK"
ok '-s: a store that works' ini stamp e9.0 500 8 1
tell fsync $EIO 1
registers '-s: a sync that fails, so does its write' 'status=61 error=04' \
    0x34 count=1 lba=10 flags=0x41 data="$T/sector"
like '-s: the operator is told what to do' "$(cat "$BLADE_ERR")" \
    'sync: Input/output error; .*check the device'
registers '-s: syncs work again, but nothing is clean' 'status=61' 0xea
registers '-s: nor is a later write' 'status=61 error=04' \
    0x34 count=1 lba=11 flags=0x41 data="$T/sector"
ok '-s: reads go on' ini verify e9.0 500 8 1
BLADE_TERM=1
stop_blade
is '-s: and the blade ends with a failure' "$BLADE_STATUS" 1
BLADE_TERM=0

# Started anew, somebody has looked at it.
start_blade -s 9 0 "$TIF" "$DISK"
ok '-s: started anew, it writes' ini stamp e9.0 10 1 4
stop_blade

# A full file system, under a sparse file.
mkdir "$T/small"
mount -t tmpfs -o size=256k none "$T/small" || bail 'no tmpfs'
at_exit "umount -l '$T/small'"
truncate -s 4M "$T/small/disk"
start_blade -s 9 0 "$TIF" "$T/small/disk"
ok 'a sparse file: written' ini stamp e9.0 0 128 1
try ini stamp e9.0 1000 2000 2
is 'until the file system is full' "$STATUS" 4
like 'which the operator is told' "$(cat "$BLADE_ERR")" \
    'write at sector .*No space left on device'
ok 'what was written stays' ini verify e9.0 0 128 1
ok 'what has a place is written' ini stamp e9.0 0 128 3
ok 'holes are zeros' ini verify e9.0 6000 8 0
ok 'space that is given back' ini trim e9.0 0 128
ok 'can be used again' ini stamp e9.0 7000 64 4

# A file that gets shorter under us.
truncate -s 1M "$T/small/disk"
registers 'a file cut short: what is gone cannot be read' \
    'status=41 error=(40|10)' 0x24 count=1 lba=4000 flags=0x40
ok 'the rest can' ini verify e9.0 1000 2 2
ok 'and it is found' ini identify e9.0
stop_blade
is 'a blade on it leaves in peace' "$BLADE_STATUS" 0

done_testing

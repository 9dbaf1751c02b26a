# A guest's vblade, whose interface becomes part of a bridge, bond, team or VRF
# limit 240 s
# shellcheck shell=sh disable=SC2016,SC2154	# the guest expands, lib.sh sets

ini() {
	"$RUN/initiator" -i t0 "$@"
}

hears() {
	wait_for 20 ini -n 1 -t 500 discover e9.0
}

# told WHAT: so begins the blade's last line, within some seconds
told() {
	guest "for i in 1 2 3 4 5 6 7 8 9 10; do
		tail -n 1 /tmp/a.out | grep -q '^vblade: eth0: $1' && exit
		sleep 0.5
	    done
	    cat /tmp/a.out; exit 1"
}

# into MASTER, out: eth0 is up afterwards
into() {
	guest "ip link set eth0 down && ip link set eth0 master $1 &&
	    ip link set eth0 up && ip link set $1 up"
}

out() {
	guest 'ip link set eth0 nomaster && ip link set eth0 up'
}

segment 0
guest_boot || must "the guest boots" false
must "bridge, bond, team and VRF" guest 'modprobe -a bridge bonding team vrf &&
    truncate -s 1M /tmp/disk && ip link add br8 type bridge &&
    ip link add bond8 type bond mode active-backup miimon 100 &&
    ip link add team8 type team && ip link add vrf8 type vrf table 8'
must "vblade starts there" blade_in_guest a true 9 0 eth0 /tmp/disk
check "it answers" hears

for kind in bridge:br8 bond:bond8 team:team8; do
	other=${kind#*:} kind=${kind%:*}
	must "into a $kind" into "$other"
	check "$kind: the operator is told what to name" told \
	    "part of the $kind $other, .*; name $other instead"
	fails "$kind: nothing is heard" ini -n 2 -t 500 discover e9.0
	must "out of the $kind" out
	check "$kind: the operator is told that it is over" told 'no longer'
	check "$kind: it answers again" hears
done

# A VRF is for IP, and what is no IP is the interface's as before.
must "into a VRF" into vrf8
check "VRF: it answers" hears
check "VRF: there is nothing to tell" told 'no longer'

# A blade on the bond itself.
must "the first blade ends" guest 'kill "$(cat /tmp/a.pid)"'
must "into the bond" into bond8
must "vblade starts on the bond" blade_in_guest b true 9 0 bond8 /tmp/disk
check "bond: a blade that names it answers" hears

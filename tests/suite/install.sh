# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
# shellcheck disable=SC2154	# run sets those variables
#
# install.sh: the Debian packages that the tests need.

apt() {
	timeout 900 apt-get -qq -o DPkg::Lock::Timeout=300 "$@" \
	    >>"$log/apt.log" 2>&1 </dev/null
}

missing() {		# PACKAGE...: those of them that are not installed
	for p in "$@"; do
		# shellcheck disable=SC2016	# dpkg's, not ours
		[ "$(dpkg-query -W -f '${db:Status-Status}' "$p" \
		    2>/dev/null)" = installed ] || echo "$p"
	done
}

# shellcheck disable=SC2046,SC2086	# lists of words
install_packages() {
	want=$(missing "$@")
	[ -n "$want" ] || return 0
	echo 'installing' $want
	for try in 1 2 3; do
		apt update && apt install -y --no-install-recommends $want &&
		    return
		sleep $((5 * try))
	done
	# one name that this system does not have must not cost us the others
	for p in $want; do
		apt install -y --no-install-recommends "$p" ||
			echo "could not install $p: tests that need it are" \
			    "skipped; see $log/apt.log"
	done
}

packages() {
	section 'packages'
	if [ "$(id -u)" -ne 0 ]; then
		echo 'NOT ROOT: nothing is installed, most tests are skipped'
		return
	elif ! have apt-get; then
		echo 'no apt-get: tests whose tools are missing are skipped'
		return
	fi
	export DEBIAN_FRONTEND=noninteractive
	# tools are wanted, not the services that come with some of them
	if ! [ -e "$policy" ]; then
		printf '#!/bin/sh\nexit 101\n' >"$policy"
		chmod 755 "$policy"
		own_policy=$policy
	fi
	# shellcheck disable=SC2046	# a list of words
	install_packages gcc make libc6-dev linux-libc-dev pkg-config check \
	    clang bmake valgrind shellcheck mandoc groff-base iproute2 \
	    util-linux binutils cppcheck clang-tidy file python3-pip \
	    golang-golang-x-sys-dev \
	    e2fsprogs libcap2-bin tshark tcpdump aoetools vblade systemd udev \
	    procps libfuse3-dev socat strace zsh git prometheus \
	    prometheus-node-exporter rsyslog \
	    python3 \
	    debhelper lintian rpm rpmlint systemd-container keepalived \
	    $(sh "$top/tests/guest/run" --packages)
	# sanitizers and libFuzzer come apart from the compiler
	if version=$(clang -dumpversion 2>/dev/null); then
		install_packages "libclang-rt-${version%%.*}-dev"
	fi
	[ -z "$own_policy" ] || rm -f "$own_policy"
	own_policy=''
}

# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Completion of vblade and vbladed for bash.  It needs no bash-completion, but
# is found by it under the names vblade and vbladed.  Options come from what
# "vblade --help" says, so that they are those of the vblade that is run.

# Lines "LETTER VALUE", without VALUE where the option takes none.
_vblade_options() {
	local vblade=$1
	# vbladed would hand it to syslog
	[[ $vblade != *vbladed ]] || vblade=${vblade%d}
	vblade=${vblade/#\~\//$HOME/}
	{ "$vblade" --help || PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin \
	    "${vblade##*/}" --help; } 2>/dev/null </dev/null |
	    sed -n 's/^  -\(.\) \([A-Za-z][^ ]*\)  *[^ ].*/\1 \2/p
		s/^  -\(.\)   .*/\1/p
		s/^  -\(.\), -\(.\) .*/\1\
\2/p'
}

_vblade_interfaces() {
	local i
	for i in /sys/class/net/*/; do
		i=${i%/}
		[[ $i == *'*' ]] || echo "${i##*/}"
	done
	# where there is no sysfs
	[[ -d /sys/class/net ]] || ifconfig -l 2>/dev/null | tr ' ' '\n'
}

# Addresses that this host has heard of.  A colon would end the word for bash;
# vblade takes them without.
_vblade_macs() {
	[[ ! -r /proc/net/arp ]] || sed -n \
	    '/00:00:00:00:00:00/d; s/^[0-9.]* .* \([0-9a-f:]\{17\}\) .*/\1/p' \
	    /proc/net/arp | tr -d : | sort -u
}

# One more of a list with commas: those that it has already are not offered.
_vblade_list() {	# WORD CHOICES
	local c had=''
	[[ $1 != *,* ]] || had=${1%,*},
	while read -r c; do
		[[ -z $c || ,$had == *,"$c",* || $had$c != "$1"* ]] ||
			COMPREPLY+=("$had$c")
	done <<<"$2"
	compopt -o nospace 2>/dev/null
}

_vblade_words() {	# WORDS WORD
	mapfile -t COMPREPLY < <(compgen -W "$1" -- "$2")
}

_vblade_value() {	# KIND WORD
	case $1 in
	bufcnt*) _vblade_words '2 16 64 128 256' "$2" ;;
	# sectors: a partition's usual beginning; 1 GiB, 1 TiB
	offset*) _vblade_words '0 63 2048' "$2" ;;
	length*) _vblade_words '2097152 2147483648' "$2" ;;
	mac*) _vblade_list "$2" "$(_vblade_macs)" ;;
	user*) mapfile -t COMPREPLY < <(compgen -u -- "$2") ;;
	netif) _vblade_list "$2" "$(_vblade_interfaces)" ;;
	number) _vblade_words "$(echo {0..9})" "$2" ;;
	file*)
		mapfile -t COMPREPLY < <(compgen -f -- "$2")
		compopt -o filenames 2>/dev/null
		;;
	esac
}

_vblade() {
	local cur=${COMP_WORDS[COMP_CWORD]}
	local word letter value='' all='' ended='' opts
	local -i i n=0
	local -A takes=()

	COMPREPLY=()
	opts=$(_vblade_options "${COMP_WORDS[0]}")
	while read -r letter value; do
		[[ -n $letter ]] || continue
		all+=" -$letter"
		takes[$letter]=$value
	done <<<"$opts"

	# as getopt(3) walks: options, their values, and the rest from the first
	# word on that is neither
	value=''
	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		if [[ -n $value ]]; then
			# bash parts a word at each colon and puts it alone
			while [[ ${COMP_WORDS[i + 1]-} == : ]] &&
			    ((i + 1 < COMP_CWORD)); do
				i+=2
			done
			((i < COMP_CWORD)) || return 0
			value=''
		elif ((n > 0)) || [[ $word != -?* ]]; then
			n+=1
		elif [[ $word == -- ]]; then
			n=$((COMP_CWORD - i - 1)) ended=yes
			break
		elif [[ $word != --* ]]; then
			word=${word#-}
			while [[ -n $word ]]; do
				value=${takes[${word:0:1}]-}
				word=${word:1}
				[[ -z $value ]] || break
			done
			# its value follows at once: -b16
			[[ -z $word ]] || value=''
		fi
	done

	if [[ -n $value ]]; then
		_vblade_value "$value" "$cur"
	elif ((n == 0)) && [[ -z $ended && $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$all --help --version" \
		    -- "$cur")
	else
		case $n in
		0 | 1) _vblade_value number "$cur" ;;
		2) _vblade_value netif "$cur" ;;
		3) _vblade_value filename "$cur" ;;
		esac
	fi
}

complete -F _vblade vblade vbladed

#!/bin/sh
# Completion in bash and zsh: the shells themselves are asked.
# shellcheck source=SCRIPTDIR/tap.sh
. "$(dirname "$0")/tap.sh"

network 1500
here=$TOP/contrib/completion
mkdir "$T/bin" "$T/home" "$T/files" "$T/files/a dir"
: >"$T/files/disk one.img"
: >"$T/files/disk2.img"
ln -s "$VBLADE" "$T/bin/vblade"
ln -s "$TOP/vbladed" "$T/bin/vbladed"
in_target ip link add vbzz0 type veth peer name vbzy0
in_target ip addr add 192.0.2.1/24 dev "$TIF"
in_target ip neigh add 192.0.2.7 lladdr 02:ae:00:00:07:07 dev "$TIF"

# In the target's network, with nothing of the caller's settings.
clean() {
	(cd "$T/files" && in_target env -i HOME="$T/home" TERM=dumb \
	    LC_ALL=C PATH="$T/bin:/usr/local/bin:/usr/bin:/bin" "$@")
}

# What bash would complete: the words as bash parts them, the last one is where
# the cursor is.
cat >"$T/ask.bash" <<'END'
source "$1"
shift
set -u
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
how=$(complete -p "${1##*/}") || exit
how=${how#*-F } how=${how%% *}
"$how" "$1" "${!#}" "${@:$#-1:1}"
[ ${#COMPREPLY[@]} -eq 0 ] || printf '%s\n' "${COMPREPLY[@]}"
END
bash_says() {
	clean bash --norc --noprofile "$T/ask.bash" "$here/vblade.bash" "$@"
}

# What zsh would: a real one on a terminal gets the line and a tab, and writes
# down what it is about to offer.
cat >"$T/.zshrc" <<'END'
PS1='' PROMPT_EOL_MARK=''
fpath=($COMPLETION $fpath)
autoload -Uz compinit && compinit -u -D
zstyle ':completion:*' menu no
zstyle ':completion:*' format '%d'
compadd() {
	local -a hits
	local before=" ${@[1,(i)(-|--)]}"
	if [[ $before != *' '-[a-zA-Z]#[OAD]* ]]; then
		builtin compadd -A hits "$@"
		(( ! $#hits )) || print -rl -- $hits >>$SAID
	fi
	builtin compadd "$@"
}
ask() {
	zle complete-word
	print -r -- "$BUFFER" >$SAID.line
	print . >$SAID.end
}
zle -N ask
bindkey '^I' ask
ready() { : >$SAID.ready }
zle -N zle-line-init ready
END
cat >"$T/ask.zsh" <<'END'
zmodload zsh/zpty zsh/zselect
zpty -b z env ZDOTDIR=$T_DIR SAID=$SAID COMPLETION=$COMPLETION zsh -d -i
waiting() {
	local -i n=0
	until [[ -e $1 ]]; do
		zpty -rt z line
		zselect -t 5
		(( ++n < 400 )) || { print -u2 "no $1"; exit 1 }
	done
}
waiting $SAID.ready
zpty -wn z "$1"$'\t'
waiting $SAID.end
zpty -d z
if [[ -n ${2-} ]]; then
	cat $SAID.line
else
	[[ ! -e $SAID ]] || grep . $SAID | sort -u
fi
END
zsh_says() {	# LINE [line: what becomes of the line]
	rm -f "$T"/said*
	clean env T_DIR="$T" SAID="$T/said" COMPLETION="$here" \
	    zsh -f "$T/ask.zsh" "$@"
}

# Every option of the help, found by another way than theirs.
"$VBLADE" --help | grep -oE '^  -.*' | cut -c 1-8 | grep -oE -- '-[A-Za-z]' |
    sort >"$T/options"
printf '%s\n' --help --version >>"$T/options"
ok 'the help has options' test "$(wc -l <"$T/options")" -gt 9
# and of the synopsis: [-b bufcnt] and so on
valued=$("$VBLADE" --help | grep -oE '\[-[a-z] [a-z]' | cut -c 2-3)

not_offered() {	# reads what is offered: the options that are not
	grep -vxF -f - "$T/options" || :
}

if have bash; then
	for name in vblade vbladed; do
		is "bash: every option of $name" \
		    "$(bash_says $name - | not_offered)" ''
		is "bash: $name, an interface" \
		    "$(bash_says $name 9 0 vbzz)" vbzz0
	done
	is 'bash: and nothing else' "$(bash_says vblade - | sort)" \
	    "$(sort "$T/options")"
	is 'bash: not behind the first argument' "$(bash_says vblade 9 -)" ''
	is 'bash: nor behind --' "$(bash_says vblade -- -)" ''
	for opt in $valued; do
		is "bash: $opt takes a value" "$(bash_says vblade "$opt" x -- \
		    9 0 vbzz)" vbzz0
		is "bash: no option as that of $opt" \
		    "$(bash_says vblade "$opt" --h)" ''
	done
	is 'bash: a value that follows at once' \
	    "$(bash_says vblade -rsb16 9 0 vbzz)" vbzz0
	is 'bash: a value behind several options' \
	    "$(bash_says vblade -rsb 16 9 0 vbzz)" vbzz0
	is 'bash: a second interface' \
	    "$(bash_says vblade 9 0 "$TIF,vbzz")" "$TIF,vbzz0"
	is 'bash: not the same one twice' \
	    "$(bash_says vblade 9 0 "vbzz0,vbzz")" ''
	is 'bash: a file with a space' \
	    "$(bash_says vblade 9 0 lo 'disk o')" 'disk one.img'
	is 'bash: nothing behind the file' \
	    "$(bash_says vblade 9 0 lo disk2.img di)" ''
	is 'bash: a user' "$(bash_says vblade -u nobod)" nobody
	is 'bash: buffers' "$(bash_says vblade -b 1 | tr '\n' ' ')" '16 128 '
	is 'bash: a shelf' "$(bash_says vblade 7)" 7
	is 'bash: a slot' "$(bash_says vblade 7 8)" 8
	is 'bash: an address that was heard of' \
	    "$(bash_says vblade -m 02ae00000)" 02ae00000707
	is 'bash: behind an address with colons' \
	    "$(bash_says vblade -m 02 : ae : 00 : 00 : 00 : 0b 9 0 vbzz)" vbzz0
else
	skip 'bash' 'no bash'
fi

if have zsh; then
	for name in vblade vbladed; do
		is "zsh: every option of $name" \
		    "$(zsh_says "$name -" | not_offered)" ''
	done
	is 'zsh: an interface' "$(zsh_says 'vblade 9 0 vbzz')" vbzz0
	is 'zsh: a second one' "$(zsh_says "vblade 9 0 $TIF,vbzz" line)" \
	    "vblade 9 0 $TIF,vbzz0,"
	is 'zsh: a file with a space' \
	    "$(zsh_says 'vblade 9 0 lo disk\ o' line)" \
	    'vblade 9 0 lo disk\ one.img '
	for opt in $valued; do
		is "zsh: $opt takes a value" \
		    "$(zsh_says "vblade $opt x 9 0 vbzz")" vbzz0
	done
	is 'zsh: a user' "$(zsh_says 'vblade -u nobod')" nobody
	is 'zsh: an address that was heard of' \
	    "$(zsh_says 'vblade -m 02:ae:0' line)" \
	    'vblade -m 02:ae:00:00:07:07,'
else
	skip 'zsh' 'no zsh'
fi

done_testing

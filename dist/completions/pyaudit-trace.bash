# Made by dist/make-completions from --help.

_pyaudit_trace_events() {
	pyaudit-trace --list-events 2>/dev/null | awk '{ print $1; print "@" $2 }' | sort -u
}

_pyaudit_trace() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} i
	COMPREPLY=()
	# --name=value comes as three words.
	[ "$cur" = = ] && cur=
	[ "$prev" = = ] && prev=${COMP_WORDS[COMP_CWORD - 2]}
	# Behind -- or a COMMAND everything is its own.
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		--)
			_command_offset $((i + 1)) 2>/dev/null
			return
			;;
		esac
	done
	case $prev in
	-p | --pid)
		mapfile -t COMPREPLY < <(compgen -W "$(pgrep -f python)" -- "$cur")
		return
		;;
	-u | --uid)
		mapfile -t COMPREPLY < <(compgen -u -- "$cur")
		return
		;;
	--comm)
		return
		;;
	--cgroup)
		return
		;;
	-e | --event)
		mapfile -t COMPREPLY < <(compgen -W "$(_pyaudit_trace_events)" -- "$cur")
		return
		;;
	--arg)
		return
		;;
	-s | --string-limit)
		return
		;;
	--outcome-wait)
		return
		;;
	-o | --output)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	--rotate)
		return
		;;
	--format)
		mapfile -t COMPREPLY < <(compgen -W 'text json folded ecs ocsf' -- "$cur")
		return
		;;
	--redact)
		return
		;;
	--color)
		mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$cur")
		return
		;;
	--metrics)
		return
		;;
	--otel-pid-attr)
		return
		;;
	--spool)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	--duration)
		return
		;;
	--count)
		return
		;;
	--buffer)
		return
		;;
	--rate)
		return
		;;
	--max-cpu)
		return
		;;
	--probe)
		mapfile -t COMPREPLY < <(compgen -W 'auto uprobe usdt' -- "$cur")
		return
		;;
	--user)
		mapfile -t COMPREPLY < <(compgen -u -- "$cur")
		return
		;;
	--config)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	esac
	case $cur in
	-*) mapfile -t COMPREPLY < <(compgen -W '-p --pid -f --follow -a --all -u --uid --comm --cgroup --as-root -e --event --arg -s --string-limit --no-args -k --stack --syscalls --outcome-wait -o --output --rotate --format --redact -c --summary --color -q --quiet -v --verbose --metrics --otlp --otel-pid-attr --spool --journald --syslog --duration --count --buffer --rate --max-cpu --probe --user --config --check --list-events --version -h --help' -- "$cur") ;;
	*) mapfile -t COMPREPLY < <(compgen -c -- "$cur") ;;
	esac
}

complete -o default -F _pyaudit_trace pyaudit-trace

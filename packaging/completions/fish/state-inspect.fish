# fish completion for state-inspect, made from its table by `cargo xtask completions`.

complete -c state-inspect -f
complete -c state-inspect -l format -x -a 'table json jsonl tsv oci prometheus' -d 'table: one line a container'
complete -c state-inspect -l from -rF -d 'Read state documents of any runtime instead of nexcage\'s records: an object, an array, or several in a row; - is stdin'
complete -c state-inspect -l status -x -a 'creating created running paused stopped' -d 'Only containers with one of these statuses; exit status 1 if there is none'
complete -c state-inspect -l pointer -x -d 'Print only the value at this JSON pointer (RFC 6901), a line each, strings without quotes; exit status 1 if a container lacks it'
complete -c state-inspect -l check -d 'Print what does not hold instead: rules of the state document, processes that are gone, bundles that are gone or have other annotations; exit status 1 if there is anything'
complete -c state-inspect -l namespace -x -d 'The namespace to look into'
complete -c state-inspect -l root -x -a '(__fish_complete_directories (commandline -ct))' -d 'Where containers keep their state'
complete -c state-inspect -l log-format -x -a 'text json' -d 'Form of the diagnostics on stderr; json is one object a line'
complete -c state-inspect -s h -l help -d 'Print a summary of the options'
complete -c state-inspect -s V -l version -d 'Print name and version, the commit that it was built from, and the version of the runtime specification'
complete -c state-inspect -a '(nexcage list --quiet 2>/dev/null)'

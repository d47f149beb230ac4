# fish completion for lxc-render-config, made from its table by `cargo xtask completions`.

complete -c lxc-render-config -l target -x -a 'lxc pve' -d 'What is printed: a configuration for LXC, or that of a CT of Proxmox VE'
complete -c lxc-render-config -l include -rF -d 'With --target pve: the file that the CT\'s configuration includes; it is written too'
complete -c lxc-render-config -l lxc-version -x -a '5 6 7' -d 'The oldest LXC that has to understand the configuration'
complete -c lxc-render-config -l cgroup -x -a 'auto v1 v2' -d 'The version of cgroups that limits are written for; auto looks at this host'
complete -c lxc-render-config -l allow-loss -x -a '(lxc-render-config --explain | grep \'^/\' 2>/dev/null | cut -d " " -f 1)' -d 'Render without a field that is refused, such as /linux/intelRdt'
complete -c lxc-render-config -l report -x -a 'text json' -d 'Print, instead of the configuration, what each value of config.json becomes; json is one object a line'
complete -c lxc-render-config -l explain -d 'Print what becomes of a field of the specification and those below it, or of all'
complete -c lxc-render-config -l log-format -x -a 'text json' -d 'Form of the diagnostics on stderr; json is one object a line'
complete -c lxc-render-config -s h -l help -d 'Print a summary of the options'
complete -c lxc-render-config -s V -l version -d 'Print name and version, the commit that it was built from, and the version of the runtime specification'
complete -c lxc-render-config -F

//! What lxc-start wrote to stderr, as pct shows it after a failed start.

use crate::vmid::Vmid;

/// The lines that say why, without their program, container and source file. What lxc-start says about
/// itself (`lxc_start.c`) is left out.
pub(crate) fn failures(vmid: Vmid, stderr: &str) -> String {
    let prefix = format!("lxc-start: {vmid}: ");
    let wanted = stderr.lines().filter_map(|line| {
        let (file, message) = line.strip_prefix(&prefix)?.split_once(": ")?;
        (!file.ends_with("/lxc_start.c")).then_some(message)
    });
    wanted.map(|line| format!("{line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::failures;

    #[test]
    fn only_the_reasons_are_shown() {
        let log = "lxc-start: 100: ../src/lxc/sync.c: sync_wait: 34 An error\n\
                   lxc-start: 100: ../src/lxc/tools/lxc_start.c: main: 306 The container failed to start\n\
                   noise\n";
        assert_eq!(failures("100".parse().unwrap(), log), "sync_wait: 34 An error\n");
    }
}

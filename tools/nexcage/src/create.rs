//! `nexcage create`: makes a container whose process waits for `start`.

use crate::arguments;
use crate::command_line::STATUSES;
use crate::context::Global;
use crate::creation::{
    self, BUNDLE, CONSOLE_SOCKET, Creation, NO_NEW_KEYRING, NO_PIVOT, PID_FILE, PRESERVE_FDS, ROOTFS_STORAGE,
    TEMPLATE,
};
use nexcage_cli::{Args, Failure, Tool};
use nexcage_record::ContainerId;

/// What `nexcage create --help` says.
pub(crate) static TOOL: Tool = Tool {
    name: "nexcage create",
    summary: "create a container whose process waits for start",
    usage: &["[OPTIONS] ID"],
    options: &[
        BUNDLE,
        TEMPLATE,
        ROOTFS_STORAGE,
        CONSOLE_SOCKET,
        PID_FILE,
        PRESERVE_FDS,
        NO_PIVOT,
        NO_NEW_KEYRING,
    ],
    statuses: STATUSES,
};

pub(crate) fn main(global: Global, args: Args) -> Result<u8, Failure> {
    let (id, creation) = parse(args)?;
    let context = global.context()?;
    let made = creation.make(&context, &context.container(id));
    made.map(|_| 0).map_err(creation::failure)
}

fn parse(mut args: Args) -> Result<(ContainerId, Creation), Failure> {
    let mut creation = Creation::default();
    let values = arguments::read(&mut args, |name, args| creation.option(name, args))?;
    Ok((arguments::one_id(values)?, creation))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_runcs() {
        arguments::tests::every_option_is_handled(&TOOL, parse, &["c1"], &[("preserve-fds", "0")]);
        let list = ["-b", "/b", "--pid-file", "p", "c1", "--preserve-fds=0"];
        let (id, creation) = parse(Args::from_list(&TOOL, list)).unwrap();
        assert_eq!((id.as_str(), creation.preserve_fds), ("c1", 0));
        assert_eq!((creation.bundle, creation.pid_file), (Some("/b".into()), Some("p".into())));
        for wrong in [
            &[][..],
            &["a", "b"],
            &["--preserve-fds", "-1", "a"],
            &["--preserve-fds", "100000", "a"],
            &["--detach", "a"],
        ] {
            assert!(parse(Args::from_list(&TOOL, wrong)).is_err(), "{wrong:?}");
        }
    }
}
